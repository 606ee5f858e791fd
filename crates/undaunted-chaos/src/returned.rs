//! What calls to a store return, as far as a fault can change it.

use object_store::list::PaginatedListResult;
use object_store::multipart::PartId;
use object_store::{GetResult, ListResult, MultipartUpload, PutResult};

/// What a call returns.
pub(crate) trait Returned: Sized {
    /// The same without the ETag of an object, if it has one.
    fn without_etag(self) -> Self {
        self
    }
}

impl Returned for GetResult {
    fn without_etag(mut self) -> Self {
        self.meta.e_tag = None;
        self
    }
}

impl Returned for PutResult {
    fn without_etag(mut self) -> Self {
        self.e_tag = None;
        self
    }
}

impl Returned for () {}
impl Returned for Box<dyn MultipartUpload> {}
impl Returned for ListResult {}
impl Returned for PaginatedListResult {}
impl Returned for PartId {}
/// The id of an upload.
impl Returned for String {}
