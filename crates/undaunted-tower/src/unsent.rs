//! Errors which show that a request was never sent: there was no connection.

use std::any::Any;
use std::error::Error;
use std::io;

/// Whether an error, or one behind it, shows that the request was never sent.
///
/// Known are [`io::Error`], boxed errors, and the error of hyper-util's client.
pub(crate) fn was_never_sent<E: 'static>(error: &E) -> bool {
    let error: &dyn Any = error;
    if let Some(error) = error.downcast_ref::<Box<dyn Error + Send + Sync>>() {
        return along_sources(error.as_ref());
    }
    if let Some(error) = error.downcast_ref::<Box<dyn Error>>() {
        return along_sources(error.as_ref());
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return along_sources(error);
    }
    hyper_util::is_connect_any(error)
}

fn along_sources(error: &(dyn Error + 'static)) -> bool {
    let mut link = Some(error);
    while let Some(error) = link {
        let refused = error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
        if refused || hyper_util::is_connect(error) {
            return true;
        }
        link = error.source();
    }
    false
}

#[cfg(feature = "hyper-util")]
mod hyper_util {
    use std::any::Any;
    use std::error::Error;

    use hyper_util::client::legacy::Error as ClientError;

    pub(super) fn is_connect(error: &(dyn Error + 'static)) -> bool {
        error
            .downcast_ref::<ClientError>()
            .is_some_and(ClientError::is_connect)
    }

    pub(super) fn is_connect_any(error: &dyn Any) -> bool {
        error
            .downcast_ref::<ClientError>()
            .is_some_and(ClientError::is_connect)
    }
}

#[cfg(not(feature = "hyper-util"))]
mod hyper_util {
    use std::any::Any;
    use std::error::Error;

    pub(super) fn is_connect(_: &(dyn Error + 'static)) -> bool {
        false
    }

    pub(super) fn is_connect_any(_: &dyn Any) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_connection_is_found_behind_boxes() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        assert!(was_never_sent(&refused()));
        let boxed: Box<dyn Error + Send + Sync> = Box::new(refused());
        assert!(was_never_sent(&boxed));
        assert!(!was_never_sent(&io::Error::from(
            io::ErrorKind::ConnectionReset
        )));
        assert!(!was_never_sent(&"connection refused"));
    }
}
