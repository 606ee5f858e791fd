//! The clients that take minutes to compile.

use super::{Client, aws, opendal};

/// Those of the matrix.
pub fn all() -> [Box<dyn Client>; 4] {
    [
        Box::new(opendal::OpenDal::new()),
        Box::new(opendal::OpenDal::with_timeouts()),
        Box::new(aws::Aws(aws::Retries::Standard)),
        Box::new(aws::Aws(aws::Retries::New)),
    ]
}

/// Those of a crowd.
pub fn crowd() -> [Box<dyn Client>; 3] {
    [
        Box::new(opendal::OpenDal::new()),
        Box::new(aws::Aws(aws::Retries::Standard)),
        Box::new(aws::Aws(aws::Retries::Adaptive)),
    ]
}
