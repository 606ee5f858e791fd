//! The values of options: each is checked here, at expansion, and becomes a constant.

use std::fmt::Display;
use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Error, Expr, Lit, UnOp};

use crate::nearest::nearest;

/// `max_retries`.
pub(crate) fn count(key: &Ident, value: &Expr) -> syn::Result<u32> {
    match literal(value) {
        Some((false, Lit::Int(int))) if is_of_number(int.suffix()) => int.base10_parse().ok(),
        _ => None,
    }
    .ok_or_else(|| bad(key, value, "a whole number from 0 to 4294967295"))
}

/// A delay.
pub(crate) fn duration(key: &Ident, value: &Expr) -> syn::Result<TokenStream> {
    parse_duration(key, value).map(constant)
}

/// A limit, which cannot be zero.
pub(crate) fn timeout(key: &Ident, value: &Expr) -> syn::Result<TokenStream> {
    let limit = parse_duration(key, value)?;
    if limit.is_zero() {
        return Err(bad(
            key,
            value,
            "longer than zero; leave it out for no limit",
        ));
    }
    Ok(constant(limit))
}

/// `exponential_base`.
pub(crate) fn exponential_base(key: &Ident, value: &Expr) -> syn::Result<f64> {
    number(value)
        .filter(|base| base.is_finite() && *base >= 1.0)
        .ok_or_else(|| bad(key, value, "a finite number of at least 1"))
}

/// `jitter`.
pub(crate) fn jitter(key: &Ident, value: &Expr) -> syn::Result<TokenStream> {
    let jitter = match literal(value) {
        Some((false, Lit::Str(name))) => JITTERS
            .iter()
            .find(|(known, _)| *known == name.value())
            .map(|(_, variant)| variant_of_jitter(variant)),
        Some((false, Lit::Bool(on))) if on.value => Some(proportional(DEFAULT_FRACTION)),
        Some((false, Lit::Bool(_))) => Some(variant_of_jitter("None")),
        _ => number(value)
            .filter(|fraction| (0.0..=1.0).contains(fraction))
            .map(proportional),
    };
    jitter.ok_or_else(|| {
        let near = match literal(value) {
            Some((_, Lit::Str(name))) => nearest(&name.value(), &JITTERS.map(|(name, _)| name)),
            _ => None,
        };
        let expected = "\"full\", \"equal\", \"decorrelated\", \"none\", a fraction from 0 to 1, \
                        true or false";
        match near {
            Some(near) => bad(key, value, format!("{expected}; did you mean \"{near}\"?")),
            None => bad(key, value, expected),
        }
    })
}

/// `name`.
pub(crate) fn name(key: &Ident, value: &Expr) -> syn::Result<String> {
    match literal(value) {
        Some((false, Lit::Str(name))) => Some(name.value()),
        _ => None,
    }
    .filter(|name| !name.trim().is_empty())
    .ok_or_else(|| bad(key, value, "a string that is not empty, such as \"upload\""))
}

/// `"500ms"`, or seconds as a number.
fn parse_duration(key: &Ident, value: &Expr) -> syn::Result<Duration> {
    match literal(value) {
        Some((false, Lit::Str(text))) => humantime::parse_duration(&text.value())
            .map_err(|error| bad(key, value, format!("{DURATION} ({error})"))),
        // Not by way of a float, which cannot tell all whole numbers apart.
        Some((false, Lit::Int(seconds))) if is_of_number(seconds.suffix()) => seconds
            .base10_parse()
            .map(Duration::from_secs)
            .map_err(|_| bad(key, value, DURATION)),
        _ => number(value)
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .ok_or_else(|| bad(key, value, DURATION)),
    }
}

fn number(value: &Expr) -> Option<f64> {
    let (negative, literal) = literal(value)?;
    let number: f64 = match literal {
        Lit::Float(float) if is_of_number(float.suffix()) => float.base10_parse().ok()?,
        Lit::Int(int) if is_of_number(int.suffix()) => int.base10_parse().ok()?,
        _ => return None,
    };
    Some(if negative { -number } else { number })
}

/// `500ms` without quotes is a number with a strange suffix, and must not pass for 500 s.
fn is_of_number(suffix: &str) -> bool {
    matches!(suffix, "" | "f64" | "u32" | "u64")
}

/// A literal, and whether a minus stands before it.
fn literal(value: &Expr) -> Option<(bool, &Lit)> {
    match value {
        // `$value` of a macro_rules macro comes in a group.
        Expr::Group(group) => literal(&group.expr),
        Expr::Lit(literal) => Some((false, &literal.lit)),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => {
            literal(&unary.expr).map(|(negative, lit)| (!negative, lit))
        }
        _ => None,
    }
}

fn constant(duration: Duration) -> TokenStream {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote_spanned!(Span::mixed_site()=> ::core::time::Duration::new(#seconds, #nanos))
}

fn variant_of_jitter(variant: &str) -> TokenStream {
    let variant = Ident::new(variant, Span::mixed_site());
    quote_spanned!(Span::mixed_site()=> ::undaunted::Jitter::#variant)
}

fn proportional(fraction: f64) -> TokenStream {
    quote_spanned!(Span::mixed_site()=> ::undaunted::Jitter::Proportional(#fraction))
}

/// The words of `ConfigError`: what is, and what must be.
fn bad(key: &Ident, value: &Expr, expected: impl Display) -> Error {
    let message = if let Some((negative, literal)) = literal(value) {
        let sign = if negative { "-" } else { "" };
        let literal = literal.to_token_stream();
        format!("{key} is {sign}{literal}, but must be {expected}")
    } else {
        let tokens = value.to_token_stream().to_string().replace(" :: ", "::");
        format!(
            "{key} is `{tokens}`, but must be {expected}; a value that is not a literal goes into \
             a `RetryConfig`, for `config = EXPR`"
        )
    };
    Error::new_spanned(value, message)
}

const DURATION: &str = "a duration such as \"500ms\", \"1.5s\" or \"2m\", or a number of seconds";

/// What `jitter = true` stands for, as in the retry guide that the attribute comes from.
const DEFAULT_FRACTION: f64 = 0.25;

const JITTERS: [(&str, &str); 4] = [
    ("full", "Full"),
    ("equal", "Equal"),
    ("decorrelated", "Decorrelated"),
    ("none", "None"),
];

#[cfg(test)]
mod tests {
    use proc_macro2::{Ident, Span};
    use syn::parse_str;

    use super::*;

    fn key(name: &str) -> Ident {
        Ident::new(name, Span::call_site())
    }

    fn parsed(value: &str) -> Result<Duration, String> {
        parse_duration(&key("base_delay"), &parse_str(value).unwrap())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn durations_are_exact() {
        for (value, nanos) in [
            ("\"500ms\"", 500_000_000),
            ("\"1m 30s\"", 90_000_000_000),
            ("\"1.5s\"", 1_500_000_000),
            ("0.1", 100_000_000),
            ("0", 0),
            ("5", 5_000_000_000),
            ("5_u64", 5_000_000_000),
            ("1e-3", 1_000_000),
        ] {
            assert_eq!(parsed(value), Ok(Duration::from_nanos(nanos)), "{value}");
        }
        let most = Duration::from_secs(u64::MAX);
        assert_eq!(parsed(&u64::MAX.to_string()), Ok(most));
    }

    #[test]
    fn a_bad_duration_is_named() {
        for value in [
            "-1",
            "-0.1",
            "1e300",
            "1e999",
            "500ms",
            "5s",
            "0.5s",
            "18446744073709551616",
            "\"\"",
            "\"1\"",
            "\"-1s\"",
            "\"one minute\"",
            "true",
            "'1'",
            "b\"1s\"",
        ] {
            let message = parsed(value).unwrap_err();
            let expected = format!("base_delay is {value}, but must be a duration such as");
            assert!(message.starts_with(&expected), "{message}");
        }
        assert!(
            parsed("Duration::ZERO")
                .unwrap_err()
                .contains("`config = EXPR`")
        );
    }

    #[test]
    fn jitter_has_four_names_a_fraction_and_a_switch() {
        for (value, variant) in [
            ("\"full\"", "Full"),
            ("\"equal\"", "Equal"),
            ("\"decorrelated\"", "Decorrelated"),
            ("\"none\"", "None"),
            ("false", "None"),
            ("true", "Proportional (0.25f64)"),
            ("0", "Proportional (0f64)"),
            ("0.5", "Proportional (0.5f64)"),
            ("1", "Proportional (1f64)"),
        ] {
            let tokens = jitter(&key("jitter"), &parse_str(value).unwrap()).unwrap();
            assert_eq!(
                tokens.to_string(),
                format!(":: undaunted :: Jitter :: {variant}")
            );
        }
        for value in ["1.001", "-0.1", "\"Full\"", "2", "50ms"] {
            assert!(
                jitter(&key("jitter"), &parse_str(value).unwrap()).is_err(),
                "{value}"
            );
        }
    }
}
