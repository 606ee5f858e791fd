//! What stands in the brackets of `#[retry(..)]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, Token};

use crate::{nearest, value};

/// The options, checked.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) policy: Policy,
    pub(crate) name: Option<String>,
    pub(crate) budget: Option<Expr>,
    pub(crate) pacer: Option<Expr>,
    pub(crate) rules: Option<Expr>,
    /// The key, where this option was given.
    pub(crate) attempt_timeout: Option<Ident>,
}

/// Where the function's `RetryConfig` comes from.
#[derive(Default)]
pub(crate) enum Policy {
    #[default]
    Default,
    Literal {
        /// The option that came first.
        first: Ident,
        /// Calls of the builder's setters.
        setters: TokenStream,
    },
    Expression(Expr),
}

impl Parse for Options {
    /// Reads all options before it fails, so that one build shows all that is wrong.
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let entries = Punctuated::<Entry, Token![,]>::parse_terminated(input)?;
        let mut options = Self::default();
        let mut errors: Option<Error> = None;
        let mut seen: Vec<&Ident> = Vec::new();
        for entry in &entries {
            let result = if seen.contains(&&entry.key) {
                Err(Error::new_spanned(
                    &entry.key,
                    format!("`{}` is given twice", entry.key),
                ))
            } else {
                options.set(entry)
            };
            seen.push(&entry.key);
            if let Err(error) = result {
                match &mut errors {
                    Some(errors) => errors.combine(error),
                    None => errors = Some(error),
                }
            }
        }
        match errors {
            Some(errors) => Err(errors),
            None => Ok(options),
        }
    }
}

impl Options {
    fn set(&mut self, Entry { key, value }: &Entry) -> syn::Result<()> {
        let span = Span::mixed_site();
        let duration = |value| quote_spanned!(span=> .#key(#value));
        let optional = |value| quote_spanned!(span=> .#key(::core::option::Option::Some(#value)));
        let setter = match key.to_string().as_str() {
            "budget" => {
                self.budget = Some(value.clone());
                return Ok(());
            }
            "config" => return self.set_config(value),
            "pacer" => {
                self.pacer = Some(value.clone());
                return Ok(());
            }
            "rules" => {
                self.rules = Some(value.clone());
                return Ok(());
            }
            "name" => {
                self.name = Some(value::name(key, value)?);
                return Ok(());
            }
            "attempt_timeout" => {
                self.attempt_timeout = Some(key.clone());
                optional(value::timeout(key, value)?)
            }
            "total_timeout" => optional(value::timeout(key, value)?),
            "throttled_base_delay" => optional(value::duration(key, value)?),
            "base_delay" | "max_delay" | "max_retry_after" => {
                duration(value::duration(key, value)?)
            }
            "exponential_base" => {
                let base = value::exponential_base(key, value)?;
                quote_spanned!(span=> .#key(#base))
            }
            "jitter" => {
                let jitter = value::jitter(key, value)?;
                quote_spanned!(span=> .#key(#jitter))
            }
            "max_retries" => {
                let count = value::count(key, value)?;
                quote_spanned!(span=> .#key(#count))
            }
            other => return Err(Error::new_spanned(key, unknown(other))),
        };
        match &mut self.policy {
            Policy::Default => {
                let first = key.clone();
                let setters = setter;
                self.policy = Policy::Literal { first, setters };
            }
            Policy::Literal { setters, .. } => setters.extend(setter),
            Policy::Expression(_) => return Err(Error::new_spanned(key, beside_config(key))),
        }
        Ok(())
    }

    fn set_config(&mut self, value: &Expr) -> syn::Result<()> {
        if let Policy::Literal { first, .. } = &self.policy {
            return Err(Error::new_spanned(first, beside_config(first)));
        }
        self.policy = Policy::Expression(value.clone());
        Ok(())
    }
}

/// `key = value`.
struct Entry {
    key: Ident,
    value: Expr,
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let is_entry =
            input.peek(Ident::peek_any) && input.peek2(Token![=]) && !input.peek2(Token![==]);
        if !is_entry {
            return Err(input.error(
                "an option is written `key = value`: `max_retries = 5`, or `config = EXPR` for a whole \
                 policy",
            ));
        }
        let key = input.call(Ident::parse_any)?;
        input.parse::<Token![=]>()?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(Error::new_spanned(
                &key,
                format!("`{key} =` lacks its value"),
            ));
        }
        let value = input.parse()?;
        Ok(Self { key, value })
    }
}

fn unknown(key: &str) -> String {
    let all = KEYS.join(", ");
    let advice = match key {
        "when" | "retry_on" | "retry_if" | "retryable_exceptions" => {
            "which errors are retried, their type says by `impl Retryable`; \
             `rules = RULES` and `undaunted::Retry::new(op).when(..)` override it"
                .to_owned()
        }
        "attempts" | "max_attempts" | "retries" => {
            "`max_retries` counts the attempts after the first".to_owned()
        }
        "timeout" => {
            "`attempt_timeout` limits each attempt, `total_timeout` the whole call".to_owned()
        }
        key => match nearest::nearest(key, KEYS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => return format!("unknown option `{key}`: the options are {all}"),
        },
    };
    format!("unknown option `{key}`: {advice}\nthe options are {all}")
}

fn beside_config(key: &Ident) -> String {
    format!(
        "`config` is the whole policy, which `{key}` would change: leave out one of them, or give \
         `config` the result of `to_builder().{key}(..).build()`"
    )
}

const KEYS: &[&str] = &[
    "max_retries",
    "base_delay",
    "max_delay",
    "exponential_base",
    "jitter",
    "throttled_base_delay",
    "total_timeout",
    "attempt_timeout",
    "max_retry_after",
    "name",
    "config",
    "budget",
    "pacer",
    "rules",
];
