//! What a store can do beyond the `ObjectStore` trait.

use std::fmt;
use std::sync::Arc;

use object_store::list::PaginatedListStore;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::signer::Signer;

use crate::credentials::Generation;

/// What a store can do beyond [`ObjectStore`](object_store::ObjectStore), which does not say.
///
/// [`open`](crate::open) fills it in. For a store that you build yourself, say what it has:
///
/// ```
/// use std::sync::Arc;
/// use object_store::memory::InMemory;
/// use undaunted::RetryConfig;
/// use undaunted_object_store::{Capabilities, RetryStore};
///
/// let memory = Arc::new(InMemory::new());
/// let capabilities = Capabilities::none()
///     .with_parts(memory.clone())
///     .with_attributes();
/// let store = RetryStore::builder(memory).capabilities(capabilities).build();
/// ```
///
/// What is lost without one: without a *signer*, no URL can be signed; without *native rename*, a
/// rename is a copy and a delete, each retried by itself; without *parts*, a part of a multipart upload that fails fails
/// the upload, since data must never be passed twice to one upload; without *pages*, a list
/// that breaks is resumed after its last key, which needs *lists in order*, and is an error
/// otherwise; without *attributes*, a lost response to a conditional write is resolved by
/// comparing what is there with what was written, byte for byte, which may end undecided.
#[derive(Clone, Default)]
#[must_use]
pub struct Capabilities {
    pub(crate) parts: Option<Arc<dyn MultipartStore>>,
    pub(crate) pages: Option<Arc<dyn PaginatedListStore>>,
    pub(crate) signer: Option<Arc<dyn Signer>>,
    pub(crate) native_rename: bool,
    pub(crate) attributes: bool,
    pub(crate) lists_in_order: bool,
    pub(crate) aliases: Option<Aliases>,
    /// Of the credentials that can be fetched anew.
    pub(crate) credentials: Option<Arc<Generation>>,
    pub(crate) copy_limit: Option<u64>,
    /// What to do where a copy that must not replace anything is not supported.
    pub(crate) copy_advice: Option<&'static str>,
}

/// Whether two paths lead to one object.
type Aliases = Arc<dyn Fn(&Path, &Path) -> bool + Send + Sync>;

impl Capabilities {
    /// Nothing beyond the trait.
    pub fn none() -> Self {
        Self::default()
    }

    /// Parts of an upload can be written by number, and so written again.
    pub fn with_parts(mut self, parts: Arc<dyn MultipartStore>) -> Self {
        self.parts = Some(parts);
        self
    }

    /// Lists can be read by page.
    pub fn with_pages(mut self, pages: Arc<dyn PaginatedListStore>) -> Self {
        self.pages = Some(pages);
        self
    }

    /// URLs can be signed.
    pub fn with_signer(mut self, signer: Arc<dyn Signer>) -> Self {
        self.signer = Some(signer);
        self
    }

    /// A rename is one operation of the store and not a copy and a delete.
    pub fn with_native_rename(mut self) -> Self {
        self.native_rename = true;
        self
    }

    /// Objects can have user metadata.
    pub fn with_attributes(mut self) -> Self {
        self.attributes = true;
        self
    }

    /// Different paths may lead to one object, as links of a file system do, and this function
    /// tells. A copy or a rename of an object onto itself then changes nothing.
    pub fn with_aliases(
        mut self,
        is_one_object: impl Fn(&Path, &Path) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.aliases = Some(Arc::new(is_one_object));
        self
    }

    /// An object of more bytes cannot be copied by one request, as S3 copies no more than 5 GiB.
    /// A copy that fails is then [`TooLargeToCopy`](crate::TooLargeToCopy) if the object is larger;
    /// the size is asked for after the failure.
    pub fn with_copy_limit(mut self, bytes: u64) -> Self {
        self.copy_limit = Some(bytes);
        self
    }

    /// Keys are listed in ascending order.
    pub fn with_lists_in_order(mut self) -> Self {
        self.lists_in_order = true;
        self
    }

    /// Parts by number, if they can be written.
    #[must_use]
    pub fn parts(&self) -> Option<&Arc<dyn MultipartStore>> {
        self.parts.as_ref()
    }

    /// Lists by page, if they can be read.
    #[must_use]
    pub fn pages(&self) -> Option<&Arc<dyn PaginatedListStore>> {
        self.pages.as_ref()
    }

    /// What signs URLs, if they can be signed.
    #[must_use]
    pub fn signer(&self) -> Option<&Arc<dyn Signer>> {
        self.signer.as_ref()
    }

    /// Whether a rename is one operation of the store.
    #[must_use]
    pub const fn has_native_rename(&self) -> bool {
        self.native_rename
    }

    /// Whether objects can have user metadata.
    #[must_use]
    pub const fn has_attributes(&self) -> bool {
        self.attributes
    }

    /// Whether keys are listed in ascending order.
    #[must_use]
    pub const fn has_lists_in_order(&self) -> bool {
        self.lists_in_order
    }
}

impl Capabilities {
    /// Whether two paths lead to one object.
    pub(crate) fn is_one_object(&self, a: &Path, b: &Path) -> bool {
        a == b || self.aliases.as_ref().is_some_and(|is_one| is_one(a, b))
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capabilities")
            .field("parts", &self.parts.is_some())
            .field("pages", &self.pages.is_some())
            .field("signer", &self.signer.is_some())
            .field("native_rename", &self.native_rename)
            .field("attributes", &self.attributes)
            .field("lists_in_order", &self.lists_in_order)
            .field("aliases", &self.aliases.is_some())
            .field("credentials", &self.credentials)
            .field("copy_limit", &self.copy_limit)
            .field("copy_advice", &self.copy_advice)
            .finish()
    }
}

#[cfg(test)]
#[cfg(all(
    feature = "aws",
    feature = "azure",
    feature = "fs",
    feature = "gcp",
    feature = "http"
))]
mod tests {
    use undaunted::RetryConfig;

    use crate::open_with;

    /// What the store behind a URL says that it can do.
    fn can_do(url: &str, options: &[(&str, &str)]) -> Vec<&'static str> {
        let options = options.iter().copied();
        let (store, _) = open_with(url, options, RetryConfig::storage()).unwrap();
        let capabilities = store.capabilities();
        let all = [
            ("parts", capabilities.parts().is_some()),
            ("pages", capabilities.pages().is_some()),
            ("signer", capabilities.signer().is_some()),
            ("native rename", capabilities.has_native_rename()),
            ("attributes", capabilities.has_attributes()),
            ("lists in order", capabilities.has_lists_in_order()),
        ];
        let can = all.into_iter().filter(|(_, can)| *can);
        can.map(|(name, _)| name).collect()
    }

    #[test]
    fn every_kind_of_store_says_what_it_can_do() {
        let cloud = ["parts", "pages", "signer", "attributes"];
        assert_eq!(can_do("s3://bucket/key", &[]), cloud);
        let google = [("google_bearer_token", "token")];
        assert_eq!(can_do("gs://bucket/key", &google), cloud);
        let azure = [("azure_storage_account_name", "account")];
        assert_eq!(can_do("az://container/key", &azure), cloud);
        assert_eq!(
            can_do("memory:///key", &[]),
            ["parts", "attributes", "lists in order"]
        );
        assert_eq!(can_do("/folder/file", &[]), ["parts", "native rename"]);
        assert_eq!(can_do("https://host/file", &[]), ["native rename"]);
    }
}
