//! What a store can do beyond the `ObjectStore` trait.

use std::fmt;
use std::sync::Arc;

use object_store013::list::PaginatedListStore;
use object_store013::multipart::MultipartStore;
use object_store013::path::Path;

use crate::client::{self, SignerOf};
use crate::convert::to_013;
use crate::shown::{As013, As014};
use crate::v014;

/// What a store can do beyond [`ObjectStore`](object_store013::ObjectStore), which does not say:
/// see [`undaunted_object_store::Capabilities`].
///
/// ```
/// use object_store013::memory::InMemory;
/// use undaunted_object_store_013::{Capabilities, RetryStore};
///
/// let capabilities = Capabilities::none().with_attributes().with_lists_in_order();
/// let store = RetryStore::builder(InMemory::new()).capabilities(capabilities).build();
/// ```
///
/// `MultipartStore` of 0.13 takes neither attributes nor tags. An upload with either goes through
/// the store's own [`put_multipart_opts`](object_store013::ObjectStore::put_multipart_opts), where
/// a part that fails fails the upload; and no upload has a token, so one whose completion gets no
/// response is reported as [`Ambiguous`](crate::Ambiguous). Its
/// [`InMemory`](object_store013::memory::InMemory) is not one to write parts of by number: a part
/// that is written again drops those behind it.
#[derive(Clone, Default)]
#[must_use]
pub struct Capabilities {
    pub(crate) of_014: v014::Capabilities,
    parts: Option<Arc<dyn MultipartStore>>,
    pages: Option<Arc<dyn PaginatedListStore>>,
    /// Without the feature `cloud`, nothing.
    #[cfg_attr(not(feature = "cloud"), expect(dead_code, reason = "there is none"))]
    pub(crate) signer: SignerOf,
}

impl Capabilities {
    /// Nothing beyond the trait.
    pub fn none() -> Self {
        Self::default()
    }

    /// Parts of an upload can be written by number, and so written again.
    pub fn with_parts(mut self, parts: Arc<dyn MultipartStore>) -> Self {
        let shown = Arc::new(As014(Arc::clone(&parts)));
        self.of_014 = self.of_014.with_parts(shown);
        self.parts = Some(parts);
        self
    }

    /// Lists can be read by page.
    pub fn with_pages(mut self, pages: Arc<dyn PaginatedListStore>) -> Self {
        let shown = Arc::new(As014(Arc::clone(&pages)));
        self.of_014 = self.of_014.with_pages(shown);
        self.pages = Some(pages);
        self
    }

    /// A rename is one operation of the store and not a copy and a delete.
    pub fn with_native_rename(mut self) -> Self {
        self.of_014 = self.of_014.with_native_rename();
        self
    }

    /// Objects can have user metadata.
    pub fn with_attributes(mut self) -> Self {
        self.of_014 = self.of_014.with_attributes();
        self
    }

    /// Different paths may lead to one object, as links of a file system do, and this function
    /// tells.
    pub fn with_aliases(
        mut self,
        is_one_object: impl Fn(&Path, &Path) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.of_014 = self
            .of_014
            .with_aliases(move |a, b| is_one_object(&to_013::path(a), &to_013::path(b)));
        self
    }

    /// An object of more bytes cannot be copied by one request, as S3 copies no more than 5 GiB.
    pub fn with_copy_limit(mut self, bytes: u64) -> Self {
        self.of_014 = self.of_014.with_copy_limit(bytes);
        self
    }

    /// Keys are listed in ascending order.
    pub fn with_lists_in_order(mut self) -> Self {
        self.of_014 = self.of_014.with_lists_in_order();
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

    /// Whether a rename is one operation of the store.
    #[must_use]
    pub const fn has_native_rename(&self) -> bool {
        self.of_014.has_native_rename()
    }

    /// Whether objects can have user metadata.
    #[must_use]
    pub const fn has_attributes(&self) -> bool {
        self.of_014.has_attributes()
    }

    /// Whether keys are listed in ascending order.
    #[must_use]
    pub const fn has_lists_in_order(&self) -> bool {
        self.of_014.has_lists_in_order()
    }
}

impl Capabilities {
    pub(crate) const fn as_014(&self) -> &v014::Capabilities {
        &self.of_014
    }
}

/// What a store of 0.14 can do.
impl From<v014::Capabilities> for Capabilities {
    fn from(of_014: v014::Capabilities) -> Self {
        let parts = of_014.parts().map(|parts| {
            let shown: Arc<dyn MultipartStore> = Arc::new(As013(Arc::clone(parts)));
            shown
        });
        let pages = of_014.pages().map(|pages| {
            let shown: Arc<dyn PaginatedListStore> = Arc::new(As013(Arc::clone(pages)));
            shown
        });
        Self {
            parts,
            pages,
            signer: client::signer_of(&of_014),
            of_014,
        }
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.of_014.fmt(f)
    }
}
