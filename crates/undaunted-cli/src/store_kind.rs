//! The kinds of stores, as far as they differ for a copy.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    Azure,
    Google,
    Http,
    Local,
    Memory,
    S3,
}

impl StoreKind {
    /// What messages call stores of this kind.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Azure => "Azure",
            Self::Google => "Google Cloud Storage",
            Self::Http => "web servers",
            Self::Local => "local files",
            Self::Memory => "memory:// URLs",
            Self::S3 => "S3",
        }
    }

    /// Whether objects have a content type and other attributes.
    pub(crate) const fn has_attributes(self) -> bool {
        !matches!(self, Self::Local)
    }

    /// Whether objects have user metadata.
    pub(crate) const fn has_metadata(self) -> bool {
        !matches!(self, Self::Local | Self::Http)
    }

    /// Whether the store can be configured with `--option`.
    pub(crate) const fn has_options(self) -> bool {
        !matches!(self, Self::Local | Self::Memory)
    }

    /// Whether a write can be conditional on the object not existing yet.
    pub(crate) const fn has_create(self) -> bool {
        !matches!(self, Self::Http)
    }

    /// Whether a list has the order of the keys, and costs less than asking for each of them.
    pub(crate) const fn has_ordered_lists(self) -> bool {
        matches!(self, Self::Azure | Self::Google | Self::S3)
    }

    /// Whether ETags are MD5s, as a rule.
    pub(crate) const fn has_md5(self) -> bool {
        matches!(self, Self::Google | Self::S3)
    }

    /// The smallest size of a part, the last one excepted.
    pub(crate) const fn min_part_size(self) -> u64 {
        match self {
            Self::Google | Self::S3 => 5 << 20,
            Self::Azure | Self::Http | Self::Local | Self::Memory => 1,
        }
    }

    /// The most parts that an upload may have.
    pub(crate) const fn max_parts(self) -> u64 {
        match self {
            Self::Google | Self::S3 => 10_000,
            Self::Azure => 50_000,
            Self::Http | Self::Local | Self::Memory => u64::MAX,
        }
    }

    /// The size of the parts of an object: larger than requested where there would be too many.
    pub(crate) fn part_size(self, requested: u64, object_size: u64) -> u64 {
        requested.max(object_size.div_ceil(self.max_parts()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_where_there_would_be_too_many() {
        let mib = 1 << 20;
        assert_eq!(StoreKind::S3.part_size(8 * mib, 0), 8 * mib);
        assert_eq!(StoreKind::S3.part_size(8 * mib, 80_000 * mib), 8 * mib);
        let grown = StoreKind::S3.part_size(8 * mib, 1 << 40);
        assert!((1_u64 << 40).div_ceil(grown) <= 10_000);
        assert_eq!(StoreKind::Local.part_size(1, 1 << 40), 1);
    }
}
