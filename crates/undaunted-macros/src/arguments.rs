//! The arguments, which every attempt must find as the first one did.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::punctuated::Punctuated;
use syn::{FnArg, Pat, PatIdent, PatType, Signature, Token};

use crate::function::{Passing, mentions, mentions_any};

/// What becomes of a function's arguments.
pub(crate) struct Arguments {
    /// The arguments of the function, which hold the originals.
    pub(crate) inputs: Punctuated<FnArg, Token![,]>,
    /// The variables of one attempt, which shadow them.
    pub(crate) attempt: TokenStream,
    /// Whether any original is never used up, although it was passed by value.
    pub(crate) clones: bool,
}

impl Arguments {
    /// An argument that the body does not name stays as it is. It need not be `Clone`: a
    /// permit that is held until the function returns is such an argument. (A format string
    /// may name it in its text; it borrows, so it finds the original.)
    pub(crate) fn of(signature: &Signature, body: &TokenStream) -> Self {
        let mut arguments = Self {
            inputs: signature.inputs.clone(),
            attempt: TokenStream::new(),
            clones: false,
        };
        for (index, input) in arguments.inputs.iter_mut().enumerate() {
            let FnArg::Typed(argument) = input else {
                continue;
            };
            let passing = Passing::of(&argument.ty);
            let pattern = argument.pat.to_token_stream();
            let changes = mentions(&pattern, &Ident::new("mut", Span::call_site()));
            // A shared reference is the same for all attempts unless the body may change it.
            if !mentions_any(body, &pattern) || (passing == Passing::Shared && !changes) {
                continue;
            }
            arguments.attempt.extend(shadow(argument, passing, index));
            arguments.clones |= passing == Passing::Value;
        }
        arguments
    }
}

/// Whether an expression borrows what the body needs for itself: `self` or an argument that
/// is passed by `&mut`.
pub(crate) fn needs_exclusive(signature: &Signature, expression: &TokenStream) -> bool {
    signature.inputs.iter().any(|input| match input {
        FnArg::Receiver(receiver) => {
            Passing::of(&receiver.ty) == Passing::Exclusive
                && mentions(expression, &Ident::new("self", Span::call_site()))
        }
        FnArg::Typed(argument) => {
            Passing::of(&argument.ty) == Passing::Exclusive
                && mentions_any(expression, &argument.pat.to_token_stream())
        }
    })
}

/// Turns the argument into one that can be read again and again, and makes the statement
/// that gives one attempt what the argument was.
fn shadow(argument: &mut PatType, passing: Passing, index: usize) -> TokenStream {
    let pattern = argument.pat.clone();
    // Errors point at the argument, and the name is out of the body's sight.
    let span = Span::mixed_site().located_at(first_span(&pattern));
    let original = match pattern.as_ref() {
        Pat::Ident(simple) if simple.by_ref.is_none() && simple.subpat.is_none() => {
            simple.ident.clone()
        }
        _ => format_ident!("argument{}", index, span = span),
    };
    *argument.pat = Pat::Ident(PatIdent {
        attrs: Vec::new(),
        by_ref: None,
        mutability: None,
        ident: original.clone(),
        subpat: None,
    });
    let attributes = argument.attrs.iter().filter(|attribute| {
        let path = attribute.path();
        path.is_ident("allow") || path.is_ident("cfg") || path.is_ident("cfg_attr")
    });
    let value = match passing {
        Passing::Exclusive => quote_spanned!(span=> &mut *#original),
        Passing::Shared => quote_spanned!(span=> #original),
        Passing::Value => quote_spanned!(span=> ::core::clone::Clone::clone(&#original)),
    };
    quote_spanned!(span=> #(#attributes)* let #pattern = #value;)
}

fn first_span(tokens: &impl ToTokens) -> Span {
    let first = tokens.to_token_stream().into_iter().next();
    first.map_or_else(Span::call_site, |token| token.span())
}
