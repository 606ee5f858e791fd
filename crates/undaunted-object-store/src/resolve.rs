//! Lost responses: telling our own write from a conflicting one, when a conflict follows an
//! attempt that may have been applied.
//!
//! | what is there | Create | Update | completion |
//! |---|---|---|---|
//! | our token | applied | applied | applied |
//! | another token | conflict | undecided | undecided |
//! | no token, other content | conflict | undecided | undecided |
//! | no token, the same content | undecided (applied by choice) | undecided (applied by choice) | undecided |
//! | nothing | undecided | undecided | undecided |
//!
//! Why an Update is less decidable: ours may have been applied, and a conflicting write may have
//! built on it.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use object_store::path::Path;
use object_store::{
    Attributes, Error, GetOptions, GetResult, ObjectMeta, ObjectStore, PutPayload, Result,
};
use tokio::time::{Instant, timeout};
use undaunted::{Retryable, TimedOut};

use crate::checked_body::CheckedBody;
use crate::deadline::{self, within_deadline};
use crate::operation::Operation;
use crate::pin::ObjectPin;
use crate::policy::Policy;
use crate::token::Token;

/// A write under a condition, by what it can be known from.
pub(crate) enum Write<'a> {
    /// A put under the condition that nothing is there.
    Create(Option<Token>, &'a PutPayload),
    /// A put under the condition that a certain version is there.
    Update(Option<Token>, &'a PutPayload),
    /// A copy under the condition that nothing is there.
    Copy {
        /// Its source.
        from: &'a Path,
    },
    /// The completion of a multipart upload.
    Complete(Option<Token>),
    /// A rename in one operation.
    Rename,
}

/// What became of a write whose response was lost.
pub(crate) enum Resolution {
    /// It was applied; this is what is there now.
    Applied(ObjectMeta),
    /// A conflicting write was there first.
    Conflict,
    /// Neither can be shown, and why.
    Undecided(String),
}

impl Resolution {
    /// What it is called in spans.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Applied(_) => "applied",
            Self::Conflict => "conflict",
            Self::Undecided(_) => "undecided",
        }
    }
}

/// Finds out what became of a write.
pub(crate) struct Resolver<'a, S> {
    pub(crate) store: &'a S,
    pub(crate) policy: &'a Policy,
    pub(crate) location: &'a Path,
    /// Whether the write's own retries are over, so that it is not for this to try for long.
    pub(crate) is_over: bool,
}

impl<S: ObjectStore> Resolver<'_, S> {
    pub(crate) async fn resolve(&self, write: &Write<'_>) -> Resolution {
        let found = match write {
            Write::Create(token, payload) => self.create(token.as_ref(), payload).await,
            Write::Update(token, payload) => self.update(token.as_ref(), payload).await,
            Write::Copy { from } => self.copy(from).await,
            Write::Complete(token) => self.complete(token.as_ref()).await,
            Write::Rename => Ok(undecided(
                "a rename leaves nothing by which it could be known again",
            )),
        };
        found.unwrap_or_else(|error| match error {
            Error::NotFound { .. } => {
                undecided("it is gone by now, which says nothing of what was there")
            }
            error => undecided(format!("what is there could not be read: {error}")),
        })
    }

    async fn create(&self, token: Option<&Token>, payload: &PutPayload) -> Result<Resolution> {
        let found = self.head(self.location).await?;
        Ok(match Token::of(&found.attributes) {
            Some(there) if token == Some(&there) => Resolution::Applied(found.meta),
            None if self.has_content(&found.meta, payload).await? => self.same_content(found.meta),
            _ => Resolution::Conflict,
        })
    }

    async fn update(&self, token: Option<&Token>, payload: &PutPayload) -> Result<Resolution> {
        let found = self.head(self.location).await?;
        Ok(match Token::of(&found.attributes) {
            Some(there) if token == Some(&there) => Resolution::Applied(found.meta),
            Some(_) => {
                undecided("another write is there, which may have come before ours or built on it")
            }
            None if self.has_content(&found.meta, payload).await? => self.same_content(found.meta),
            None => {
                undecided("other content is there, which may have come before ours or after it")
            }
        })
    }

    async fn complete(&self, token: Option<&Token>) -> Result<Resolution> {
        let found = self.head(self.location).await?;
        Ok(match (token, Token::of(&found.attributes)) {
            (Some(ours), Some(there)) if *ours == there => Resolution::Applied(found.meta),
            (Some(_), _) => undecided("what is there does not bear this upload's token"),
            (None, _) => undecided("the upload has no token to be known by"),
        })
    }

    /// A copy takes the metadata along, so a copy of an object that has a token has it too,
    /// and a conflicting write of the same bytes has not.
    async fn copy(&self, from: &Path) -> Result<Resolution> {
        let (source, target) = futures::try_join!(self.head(from), self.head(self.location))?;
        if source.meta.size != target.meta.size
            || !same_attributes(&source.attributes, &target.attributes)
        {
            return Ok(Resolution::Conflict);
        }
        if Token::of(&source.attributes).is_some() {
            return Ok(Resolution::Applied(target.meta));
        }
        let attempt = || async {
            let source = self.body(&source.meta).await?;
            same_bytes(source, self.body(&target.meta).await?).await
        };
        Ok(if self.retry(attempt).await? {
            self.same_content(target.meta)
        } else {
            Resolution::Conflict
        })
    }

    fn same_content(&self, meta: ObjectMeta) -> Resolution {
        if self.policy.resolve_by_content {
            Resolution::Applied(meta)
        } else {
            undecided("the same content is there, which may be ours or of a conflicting write")
        }
    }

    async fn has_content(&self, meta: &ObjectMeta, payload: &PutPayload) -> Result<bool> {
        let length = payload.content_length() as u64;
        if meta.size != length {
            return Ok(false);
        }
        let attempt = || async {
            let ours = stream::iter(payload.clone().into_iter().map(Ok)).boxed();
            let ours = CheckedBody::new(ours, 0..length, self.policy.stall_timeout);
            same_bytes(ours, self.body(meta).await?).await
        };
        self.retry(attempt).await
    }

    async fn head(&self, location: &Path) -> Result<GetResult> {
        let head = GetOptions::new().with_head(true);
        self.retry(|| self.store.get_opts(location, head.clone()))
            .await
    }

    /// The content of this object and no other.
    async fn body(&self, meta: &ObjectMeta) -> Result<CheckedBody> {
        let pin = ObjectPin::of(meta);
        let result = self.store.get_opts(&meta.location, pin.options()).await?;
        pin.check(&meta.location, &result.meta)?;
        let range = result.range.clone();
        let stall_timeout = self.policy.stall_timeout;
        Ok(CheckedBody::new(result.into_stream(), range, stall_timeout))
    }

    async fn retry<T, Fut>(&self, mut attempt: impl FnMut() -> Fut) -> Result<T>
    where
        Fut: Future<Output = Result<T>>,
    {
        if self.is_over {
            let limit = LAST_LOOK;
            // After the deadline of the caller nothing more is sent.
            if deadline::of_caller().is_some_and(|deadline| deadline <= Instant::now()) {
                return Err(Error::timed_out(TimedOut::Deadline {
                    limit: Duration::ZERO,
                }));
            }
            let look = async {
                let looked = timeout(limit, attempt()).await;
                looked.unwrap_or_else(|_| Err(Error::timed_out(TimedOut::Attempt { limit })))
            };
            return within_deadline(look).await;
        }
        self.policy
            .retry(Operation::Get, self.location, attempt)
            .await
    }
}

fn undecided(reason: impl Into<String>) -> Resolution {
    Resolution::Undecided(reason.into())
}

/// Compares chunk with chunk, so that no more than one of each is in memory.
async fn same_bytes(mut left: CheckedBody, mut right: CheckedBody) -> Result<bool> {
    let (mut a, mut b) = (Bytes::new(), Bytes::new());
    loop {
        if a.is_empty() {
            a = left.next().await?.unwrap_or_default();
        }
        if b.is_empty() {
            b = right.next().await?.unwrap_or_default();
        }
        let length = a.len().min(b.len());
        if length == 0 {
            return Ok(a.is_empty() && b.is_empty());
        }
        if a.split_to(length) != b.split_to(length) {
            return Ok(false);
        }
    }
}

fn same_attributes(a: &Attributes, b: &Attributes) -> bool {
    a.len() == b.len() && a.iter().all(|(name, value)| b.get(name) == Some(value))
}

/// For one request to a service that has just failed for minutes.
const LAST_LOOK: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;
    use object_store::{Attribute, ObjectStoreExt};
    use undaunted::{RetryConfig, with_deadline};

    use super::*;

    /// What is said of a write of `ours` where this content is, of which nothing says whose it is.
    async fn resolved(by_content: bool, is_over: bool, is_update: bool, ours: &str) -> String {
        let (store, path) = (InMemory::new(), Path::from("a"));
        store.put(&path, "there".into()).await.unwrap();
        let mut policy = Policy::new(RetryConfig::storage());
        policy.resolve_by_content = by_content;
        let resolver = Resolver {
            store: &store,
            policy: &policy,
            location: &path,
            is_over,
        };
        let payload = PutPayload::from(ours.to_owned());
        let write = if is_update {
            Write::Update(None, &payload)
        } else {
            Write::Create(None, &payload)
        };
        match resolver.resolve(&write).await {
            Resolution::Applied(meta) => {
                assert_eq!(meta.location, path);
                "applied".to_owned()
            }
            Resolution::Conflict => "conflict".to_owned(),
            Resolution::Undecided(reason) => reason,
        }
    }

    #[tokio::test]
    async fn without_a_token_the_content_tells_as_far_as_it_can() {
        for (by_content, is_update, ours, expected) in [
            (true, false, "there", "applied"),
            (true, true, "there", "applied"),
            (false, false, "there", "the same content"),
            (false, true, "there", "the same content"),
            (true, false, "other", "conflict"),
            (true, true, "other", "other content"),
            (true, false, "longer than that", "conflict"),
            (true, true, "longer than that", "other content"),
        ] {
            let found = resolved(by_content, false, is_update, ours).await;
            assert!(found.starts_with(expected), "{ours}: {found}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_last_look_is_made_before_the_deadline_of_the_caller_and_not_after_it() {
        let now = Instant::now();
        let before = now + Duration::from_secs(5);
        let look = resolved(true, true, false, "there");
        assert_eq!(with_deadline(before.into_std(), look).await, "applied");
        let look = resolved(true, true, false, "there");
        let found = with_deadline(now.into_std(), look).await;
        assert!(found.contains("could not be read"), "{found}");
    }

    #[test]
    fn attributes_are_the_same_if_all_of_them_are() {
        let of = |pairs: &[(Attribute, &'static str)]| -> Attributes {
            let pairs = pairs.iter();
            pairs.map(|(name, value)| (name.clone(), *value)).collect()
        };
        let text = (Attribute::ContentType, "text/plain");
        let cached = (Attribute::CacheControl, "no-cache");
        let both = of(&[text.clone(), cached.clone()]);
        assert!(same_attributes(&both, &of(&[cached.clone(), text.clone()])));
        assert!(same_attributes(&of(&[]), &of(&[])));
        for other in [
            of(std::slice::from_ref(&text)),
            of(&[]),
            of(&[text.clone(), (Attribute::CacheControl, "public")]),
            of(&[text, (Attribute::ContentLanguage, "no-cache")]),
        ] {
            assert!(!same_attributes(&both, &other), "{other:?}");
            assert!(!same_attributes(&other, &both), "{other:?}");
        }
    }
}
