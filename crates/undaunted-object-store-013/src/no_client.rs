//! Without the feature `cloud`, object_store 0.13 has no HTTP client, and nothing that signs.

use crate::convert::Cause;
use crate::v014;

pub(crate) type SignerOf = ();

pub(crate) const fn signer_of(_: &v014::Capabilities) -> SignerOf {}

pub(crate) fn cause(cause: Cause) -> Cause {
    cause
}
