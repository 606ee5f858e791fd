//! The policy, the budget, the pacer and the rules of a call: variables that are made once, before the first
//! attempt.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Signature, UnOp};

use crate::arguments::needs_exclusive;
use crate::options::{Options, Policy};

/// Makes `config`, a `&RetryConfig`, and, if there are such, `budget`, a `&RetryBudget`, `pacer`, a
/// `&Pacer`, and `rules`, a `&Rules`.
pub(crate) fn settings(signature: &Signature, options: &Options) -> TokenStream {
    let span = Span::mixed_site();
    let mut settings = match &options.policy {
        Policy::Default => quote_spanned! {span=>
            let config: &::undaunted::RetryConfig = &::undaunted::RetryConfig::DEFAULT;
        },
        // A constant, so that it is known where the session is made whether there is a time limit.
        // It has no hygiene, so it needs a block to be out of the body's sight.
        Policy::Literal { setters, .. } => quote_spanned! {span=>
            let config: &::undaunted::RetryConfig = {
                const CONFIG: ::undaunted::RetryConfig =
                    match ::undaunted::RetryConfig::builder() #setters .build() {
                        ::core::result::Result::Ok(config) => config,
                        ::core::result::Result::Err(_) => ::core::panic!("#[retry] has a bad option"),
                    };
                &CONFIG
            };
        },
        Policy::Expression(expression) => config(signature, expression),
    };
    let span = Span::mixed_site();
    if let Some(expression) = &options.budget {
        let (name, kind) = (
            quote_spanned!(span=> budget),
            quote_spanned!(span=> RetryBudget),
        );
        settings.extend(shared(&name, &kind, signature, expression));
    }
    if let Some(expression) = &options.pacer {
        let (name, kind) = (quote_spanned!(span=> pacer), quote_spanned!(span=> Pacer));
        settings.extend(shared(&name, &kind, signature, expression));
    }
    if let Some(expression) = &options.rules {
        let (name, kind) = (quote_spanned!(span=> rules), quote_spanned!(span=> Rules));
        settings.extend(shared(&name, &kind, signature, expression));
    }
    settings
}

/// A reference to what the expression gives: a `RetryConfig`, or anything that derefs to one.
fn config(signature: &Signature, expression: &Expr) -> TokenStream {
    let span = Span::mixed_site();
    let reference = reference(expression);
    let borrowed = quote_spanned! {span=>
        #[allow(clippy::borrow_deref_ref, clippy::needless_borrow)]
        let config: &::undaunted::RetryConfig = #reference;
    };
    if !is_cloned(signature, expression) {
        return borrowed;
    }
    quote_spanned! {span=>
        let config = {
            #borrowed
            ::core::clone::Clone::clone(config)
        };
        let config = &config;
    }
}

/// What calls share is borrowed, or where the config would be cloned, its `Arc` is.
fn shared(
    name: &TokenStream,
    kind: &TokenStream,
    signature: &Signature,
    expression: &Expr,
) -> TokenStream {
    let span = Span::mixed_site();
    let reference = reference(expression);
    if is_cloned(signature, expression) {
        return quote_spanned! {span=>
            let #name = ::core::clone::Clone::clone(#reference);
            let #name: &::undaunted::#kind = &#name;
        };
    }
    quote_spanned! {span=>
        #[allow(clippy::borrow_deref_ref, clippy::needless_borrow)]
        let #name: &::undaunted::#kind = #reference;
    }
}

/// `&expression`, all of which is where the expression is: an error points there.
fn reference(expression: &Expr) -> TokenStream {
    quote_spanned!(expression.span()=> &#expression)
}

/// Whether a borrow of the expression would be in the way of the body.
fn is_cloned(signature: &Signature, expression: &Expr) -> bool {
    needs_exclusive(signature, &expression.to_token_stream()) || is_inside_temporary(expression)
}

/// Whether the expression is a place inside of a value that is made for it, such as
/// `self.state.lock().config`. A reference to that would hold the lock while attempts run.
fn is_inside_temporary(expression: &Expr) -> bool {
    fn base(place: &Expr) -> &Expr {
        match place {
            Expr::Field(field) => base(&field.base),
            Expr::Group(group) => base(&group.expr),
            Expr::Index(index) => base(&index.expr),
            Expr::Paren(paren) => base(&paren.expr),
            Expr::Reference(reference) => base(&reference.expr),
            Expr::Unary(unary) if matches!(unary.op, UnOp::Deref(_)) => base(&unary.expr),
            other => other,
        }
    }
    let is_place = matches!(
        unwrapped(expression),
        Expr::Field(_) | Expr::Index(_) | Expr::Unary(_)
    );
    is_place && !matches!(base(expression), Expr::Path(_))
}

/// The expression without what does not change it.
fn unwrapped(expression: &Expr) -> &Expr {
    match expression {
        Expr::Group(group) => unwrapped(&group.expr),
        Expr::Paren(paren) => unwrapped(&paren.expr),
        Expr::Reference(reference) => unwrapped(&reference.expr),
        other => other,
    }
}
