//! The token by which a write is known again: a number that no other write has, kept in the
//! object's user metadata.

use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher, RandomState};

use object_store::{Attribute, Attributes};

use crate::policy::Policy;

/// One write's token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token(String);

impl Token {
    /// A token that no other write has: 128 bits from a hasher that the operating system
    /// seeds. A process that was forked hashes with its parent's seeds, hence the process id.
    pub(crate) fn new() -> Self {
        let state = RandomState::new();
        let process = std::process::id();
        Self(format!(
            "{:016x}{:016x}",
            state.hash_one((process, 0)),
            state.hash_one((process, 1))
        ))
    }

    /// Adds a token to what the caller wants on an object, if writes are to have one. A caller
    /// that has the same name for something of its own keeps it.
    pub(crate) fn added_to(attributes: &mut Attributes, policy: &Policy) -> Option<Self> {
        if !policy.put_token || attributes.get(&name()).is_some() {
            return None;
        }
        let token = Self::new();
        attributes.insert(name(), token.0.clone().into());
        Some(token)
    }

    /// A token from its text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_token = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_token.then(|| Self(text.to_owned()))
    }

    /// The token that an object has.
    pub(crate) fn of(attributes: &Attributes) -> Option<Self> {
        let value = attributes.get(&name())?;
        Some(Self(value.as_ref().to_owned()))
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Takes a token away from attributes that a caller gets to see.
pub(crate) fn strip(attributes: Attributes) -> Attributes {
    if attributes.get(&name()).is_none() {
        return attributes;
    }
    let name = name();
    attributes
        .iter()
        .filter(|(attribute, _)| **attribute != name)
        .map(|(attribute, value)| (attribute.clone(), value.clone()))
        .collect()
}

const fn name() -> Attribute {
    Attribute::Metadata(Cow::Borrowed(NAME))
}

/// Lower-case letters only: Azure takes no hyphens in a name, some proxies drop headers with
/// underscores, and HTTP does not keep the case.
const NAME: &str = "undauntedputtoken";

#[cfg(test)]
mod tests {
    use undaunted::RetryConfig;

    use super::*;

    fn policy() -> Policy {
        Policy::new(RetryConfig::storage())
    }

    #[test]
    fn a_token_is_found_again_beside_the_callers_own() {
        let mut attributes = Attributes::from_iter([(Attribute::ContentType, "text/plain")]);
        let token = Token::added_to(&mut attributes, &policy());
        assert!(token.is_some());
        assert_eq!(Token::of(&attributes), token);
        let stripped = strip(attributes);
        assert_eq!(stripped.len(), 1);
        assert!(stripped.get(&Attribute::ContentType).is_some());
    }

    #[test]
    fn no_two_tokens_are_equal() {
        assert_ne!(Token::new(), Token::new());
    }

    #[test]
    fn the_callers_own_metadata_of_that_name_stays() {
        let mut attributes = Attributes::from_iter([(name(), "mine")]);
        assert_eq!(Token::added_to(&mut attributes, &policy()), None);
        assert_eq!(attributes.get(&name()).map(AsRef::as_ref), Some("mine"));
    }
}
