//! What is handed over piece by piece, so that no piece is lost with a caller that stopped waiting
//! for it, and a failure is not taken for the end.

use object_store::{Error, Result};
use undaunted_object_store::full_text;

/// The pieces that were handed over. The last one can be had again by its number, counted from 0:
/// whoever was cancelled does not know whether the piece was on its way.
#[derive(Debug)]
pub(crate) struct Pieces<T> {
    given: u64,
    last: Option<T>,
    /// After it, what is read may say that it has ended.
    failure: Option<String>,
}

impl<T> Default for Pieces<T> {
    fn default() -> Self {
        Self {
            given: 0,
            last: None,
            failure: None,
        }
    }
}

impl<T: Clone> Pieces<T> {
    /// The piece of this number, which is the last one or the next; without a number, the next one,
    /// which is then not kept. `next` reads it, and loses nothing if it is dropped.
    pub(crate) async fn get(
        &mut self,
        number: Option<u64>,
        next: impl Future<Output = Result<Option<T>>>,
    ) -> Result<Option<T>> {
        if let Some(failure) = &self.failure {
            return Err(Error::Generic {
                store: "stream",
                source: format!("it failed before, so begin a new one: {failure}").into(),
            });
        }
        if number.is_some_and(|number| number < self.given) {
            return Ok(self.last.clone());
        }
        match next.await {
            Ok(piece) => {
                self.given += 1;
                self.last = number.and_then(|_| piece.clone());
                Ok(piece)
            }
            Err(error) => {
                self.failure = Some(full_text(&error));
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn get(
        pieces: &mut Pieces<u8>,
        number: Option<u64>,
        next: Result<Option<u8>>,
    ) -> Result<Option<u8>> {
        pieces
            .get(number, std::future::ready(next))
            .now_or_never()
            .unwrap()
    }

    #[test]
    fn the_last_piece_comes_again_and_a_failure_is_no_end() {
        let mut pieces = Pieces::default();
        assert_eq!(get(&mut pieces, Some(0), Ok(Some(1))).unwrap(), Some(1));
        assert_eq!(get(&mut pieces, Some(0), Ok(Some(2))).unwrap(), Some(1));
        assert_eq!(get(&mut pieces, Some(1), Ok(Some(2))).unwrap(), Some(2));
        assert_eq!(get(&mut pieces, None, Ok(Some(3))).unwrap(), Some(3));
        let pending = pieces.get(Some(3), std::future::pending());
        assert!(pending.now_or_never().is_none());
        let lost = Error::Generic {
            store: "S3",
            source: "lost".into(),
        };
        get(&mut pieces, Some(3), Err(lost)).unwrap_err();
        let error = get(&mut pieces, Some(3), Ok(None)).unwrap_err();
        assert!(full_text(&error).contains("it failed before"), "{error}");
        assert!(full_text(&error).contains("lost"), "{error}");
    }
}
