//! Lost answers: telling a write of ours from a rival's, when a conflict follows an attempt
//! that may have been applied.
//!
//! | what is there | Create | Update | complete |
//! |---|---|---|---|
//! | our token | ours | ours | ours |
//! | another token | conflict | undecided | undecided |
//! | no token, other content | conflict | undecided | undecided |
//! | no token, the same content | undecided (ours by choice) | undecided (ours by choice) | undecided |
//! | nothing | undecided | undecided | undecided |
//!
//! Why an Update is less decidable: ours may have landed and a rival may have built on it.

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{
    Attributes, Error, GetOptions, GetResult, ObjectMeta, ObjectStore, PutPayload, PutResult,
    Result,
};

use crate::operation::Operation;
use crate::policy::Policy;
use crate::token::Token;

/// What became of a write whose answer was lost.
pub(crate) enum Outcome {
    /// It took effect; this is what is there now.
    Ours(ObjectMeta),
    /// A rival's was there first.
    Conflict,
    /// Neither can be shown, and why.
    Undecided(String),
}

impl Outcome {
    fn undecided(reason: impl Into<String>) -> Self {
        Self::Undecided(reason.into())
    }
}

/// How to tell.
pub(crate) struct Resolver<'a, S> {
    pub(crate) inner: &'a S,
    pub(crate) policy: &'a Policy,
    pub(crate) location: &'a Path,
}

impl<S: ObjectStore> Resolver<'_, S> {
    /// What became of a put under the condition that nothing is there.
    pub(crate) async fn create(&self, token: Option<&Token>, payload: &PutPayload) -> Outcome {
        let found = match self.head(self.location).await {
            Ok(found) => found,
            Err(error) => return Self::unseen(&error),
        };
        match (token, Token::of(&found.attributes)) {
            (Some(ours), Some(theirs)) if *ours == theirs => Outcome::Ours(found.meta),
            (_, Some(_)) => Outcome::Conflict,
            (_, None) => match self.has_content(&found.meta, payload).await {
                Ok(true) => self.same_content(found.meta),
                Ok(false) => Outcome::Conflict,
                Err(error) => Self::unseen(&error),
            },
        }
    }

    /// What became of a put under the condition that a version is there.
    pub(crate) async fn update(&self, token: Option<&Token>, payload: &PutPayload) -> Outcome {
        let found = match self.head(self.location).await {
            Ok(found) => found,
            Err(error) => return Self::unseen(&error),
        };
        match (token, Token::of(&found.attributes)) {
            (Some(ours), Some(theirs)) if *ours == theirs => Outcome::Ours(found.meta),
            (_, Some(_)) => Outcome::undecided(
                "another write is there, which may have come before ours or built on it",
            ),
            (_, None) => match self.has_content(&found.meta, payload).await {
                Ok(true) => self.same_content(found.meta),
                Ok(false) => Outcome::undecided(
                    "other content is there, which may have come before ours or after it",
                ),
                Err(error) => Self::unseen(&error),
            },
        }
    }

    /// What became of the completion of a multipart upload.
    pub(crate) async fn complete(&self, token: Option<&Token>) -> Outcome {
        let found = match self.head(self.location).await {
            Ok(found) => found,
            Err(error) => return Self::unseen(&error),
        };
        match (token, Token::of(&found.attributes)) {
            (Some(ours), Some(theirs)) if *ours == theirs => Outcome::Ours(found.meta),
            (Some(_), _) => Outcome::undecided("what is there does not bear this upload's token"),
            (None, _) => Outcome::undecided("the upload has no token to be known by"),
        }
    }

    /// What became of a copy under the condition that nothing is there.
    ///
    /// A copy takes the metadata along, so a copy of an object that has a token has it too,
    /// and a rival's write of the same bytes has not.
    pub(crate) async fn copy(&self, from: &Path) -> Outcome {
        let found = match futures::try_join!(self.head(from), self.head(self.location)) {
            Ok(found) => found,
            Err(error) => return Self::unseen(&error),
        };
        let (source, target) = found;
        if source.meta.size != target.meta.size
            || !same_attributes(&source.attributes, &target.attributes)
        {
            return Outcome::Conflict;
        }
        if Token::of(&source.attributes).is_some() {
            return Outcome::Ours(target.meta);
        }
        match self.is_copy(&source.meta, &target.meta).await {
            Ok(true) => self.same_content(target.meta),
            Ok(false) => Outcome::Conflict,
            Err(error) => Self::unseen(&error),
        }
    }

    fn same_content(&self, meta: ObjectMeta) -> Outcome {
        if self.policy.resolve_by_content {
            Outcome::Ours(meta)
        } else {
            Outcome::undecided("the same content is there, which may be ours or a rival's")
        }
    }

    fn unseen(error: &Error) -> Outcome {
        match error {
            Error::NotFound { .. } => {
                Outcome::undecided("it is gone by now, which says nothing of what was there")
            }
            error => Outcome::undecided(format!("what is there could not be read: {error}")),
        }
    }

    async fn head(&self, location: &Path) -> Result<GetResult> {
        self.get(location, GetOptions::new().with_head(true)).await
    }

    async fn get(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let attempt = || self.inner.get_opts(location, options.clone());
        self.policy.retry(Operation::Get, location, attempt).await
    }

    async fn has_content(&self, meta: &ObjectMeta, payload: &PutPayload) -> Result<bool> {
        if meta.size != payload.content_length() as u64 {
            return Ok(false);
        }
        let pinned = pinned(meta);
        let attempt = || async {
            let mut body = self
                .inner
                .get_opts(self.location, pinned.clone())
                .await?
                .into_stream();
            let mut expected = payload.iter().flat_map(|bytes| bytes.iter());
            while let Some(chunk) = body.try_next().await? {
                if !chunk.iter().all(|byte| expected.next() == Some(byte)) {
                    return Ok(false);
                }
            }
            Ok(expected.next().is_none())
        };
        self.policy
            .retry(Operation::Get, self.location, attempt)
            .await
    }

    async fn is_copy(&self, source: &ObjectMeta, target: &ObjectMeta) -> Result<bool> {
        let attempt = || async {
            let source = self
                .inner
                .get_opts(&source.location, pinned(source))
                .await?;
            let target = self
                .inner
                .get_opts(&target.location, pinned(target))
                .await?;
            let (source, target) = futures::try_join!(source.bytes(), target.bytes())?;
            Ok(source == target)
        };
        self.policy
            .retry(Operation::Get, self.location, attempt)
            .await
    }
}

/// The answer that the write would have had.
pub(crate) fn put_result(meta: ObjectMeta) -> PutResult {
    PutResult {
        e_tag: meta.e_tag,
        version: meta.version,
        extensions: object_store::Extensions::default(),
    }
}

fn pinned(meta: &ObjectMeta) -> GetOptions {
    GetOptions::new()
        .with_if_match(meta.e_tag.clone())
        .with_version(meta.version.clone())
}

fn same_attributes(a: &Attributes, b: &Attributes) -> bool {
    a.len() == b.len() && a.iter().all(|(name, value)| b.get(name) == Some(value))
}
