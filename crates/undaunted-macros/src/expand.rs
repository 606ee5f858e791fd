//! The function that takes the place of the one with the attribute.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::token::Brace;
use syn::{ReturnType, Signature};

use crate::arguments::Arguments;
use crate::function::Function;
use crate::options::Options;
use crate::settings::settings;

/// Everything that is named here is out of the body's sight (`mixed_site`), except for the
/// arguments, which keep their own names.
pub(crate) fn expand(function: &Function, options: &Options) -> TokenStream {
    let arguments = Arguments::of(&function.signature, &function.body);
    let signature = Signature {
        inputs: arguments.inputs,
        ..function.signature.clone()
    };
    let expansion = Expansion {
        name: options
            .name
            .clone()
            .unwrap_or_else(|| signature.ident.unraw().to_string()),
        settings: settings(&function.signature, options),
        has_budget: options.budget.is_some(),
        has_pacer: options.pacer.is_some(),
        has_rules: options.rules.is_some(),
        variables: arguments.attempt,
        body: typed(&signature.output, function),
        at_type: at_type(&signature.output),
    };
    if signature.asyncness.is_some() {
        return function.emit(&signature, &expansion.in_place());
    }
    let blocking = function.emit(&signature, &expansion.blocking());
    if !arguments.clones {
        return blocking;
    }
    // It is needed by value: for callers it is used up, as without #[retry].
    quote_spanned!(Span::mixed_site()=> #[allow(clippy::needless_pass_by_value)] #blocking)
}

struct Expansion {
    name: String,
    /// Makes the variables `config` and, if there are such, `budget`, `pacer` and `rules`.
    settings: TokenStream,
    has_budget: bool,
    has_pacer: bool,
    has_rules: bool,
    /// Makes the variables of one attempt.
    variables: TokenStream,
    body: TokenStream,
    /// Where the return type stands: the place of the compile error if its error is not `Retryable`.
    at_type: Span,
}

impl Expansion {
    /// A loop in the function itself. A closure that is called for each attempt could not
    /// lend `&mut self` to its future, and that future would not be known to be `Send`.
    fn in_place(&self) -> TokenStream {
        let Self {
            name,
            settings,
            variables,
            body,
            ..
        } = self;
        let span = Span::mixed_site();
        let budget = self
            .has_budget
            .then(|| quote_spanned!(span=> .budget(budget)));
        let rules = self.has_rules.then(|| quote_spanned!(span=> .rules(rules)));
        let session = if self.has_pacer {
            quote_spanned! {span=>
                ::undaunted::Session::paced(config, ::core::option::Option::Some(pacer)).name(#name)
            }
        } else {
            quote_spanned!(span=> ::undaunted::Session::named(config, #name))
        };
        let run = quote_spanned! {self.at_type=>
            ::undaunted::Session::attempt(&mut session, attempt).await
        };
        let succeed = quote_spanned! {self.at_type=>
            return ::core::result::Result::Ok(value)
        };
        let wait = quote_spanned! {self.at_type=>
            ::undaunted::Session::failed(&mut session, error).await
        };
        // The variables of an attempt, and its success, are gone before the wait: they would
        // be kept in the future for as long.
        quote_spanned! {span=>
            #settings
            let mut session = #session #budget #rules;
            loop {
                let error = match {
                    #variables
                    let attempt = async { #body };
                    #run
                } {
                    ::core::result::Result::Ok(value) => #succeed,
                    ::core::result::Result::Err(error) => error,
                };
                if let ::core::result::Result::Err(error) = #wait {
                    return ::core::result::Result::Err(error);
                }
            }
        }
    }

    /// A call of the blocking driver, where a closure has none of those difficulties.
    fn blocking(&self) -> TokenStream {
        let Self {
            name,
            settings,
            variables,
            body,
            ..
        } = self;
        let span = Span::mixed_site();
        let attempt = quote_spanned!(span=> { #variables #body });
        let budget = self
            .has_budget
            .then(|| quote_spanned!(span=> .budget(budget)));
        let pacer = self.has_pacer.then(|| quote_spanned!(span=> .pacer(pacer)));
        let rules = self.has_rules.then(|| quote_spanned!(span=> .rules(rules)));
        let is_shared = self.has_budget || self.has_pacer || self.has_rules;
        let call = if is_shared {
            quote_spanned! {self.at_type=>
                ::undaunted::blocking::Retry::run(
                    ::undaunted::blocking::Retry::new(|_| #attempt)
                        .config(config)
                        .name(#name)
                        #budget
                        #pacer
                        #rules
                )
            }
        } else {
            quote_spanned! {self.at_type=>
                ::undaunted::__private::with_named_retry(#name, || #attempt, config)
            }
        };
        // `with_named_retry` refuses what `Retry` leaves to an operation that gets the time
        // left.
        let refuse = is_shared.then(|| {
            quote_spanned! {span=>
                if let ::core::option::Option::Some(limit) = config.attempt_timeout() {
                    return ::core::result::Result::Err(::undaunted::Retryable::timed_out(
                        ::undaunted::TimedOut::CannotCut { limit },
                    ));
                }
            }
        });
        quote_spanned!(span=> #settings #refuse #call)
    }
}

/// The body in its braces, after words that tell the compiler which type it has: so `?`,
/// `return` and `.into()` in it convert as they do without `#[retry]`.
fn typed(output: &ReturnType, function: &Function) -> TokenStream {
    let returned = match output {
        ReturnType::Default => TokenStream::new(),
        ReturnType::Type(_, returned) => returned.to_token_stream(),
    };
    // Where the body's own braces are, for errors; but not those, for lints, which would say
    // that this block needs none.
    let braces = Brace(Span::mixed_site().located_at(function.braces.span.join()));
    let mut block = TokenStream::new();
    braces.surround(&mut block, |inside| function.body.to_tokens(inside));
    quote_spanned! {at_type(output)=>
        if let ::core::option::Option::Some(returned) = ::core::option::Option::None::<#returned> {
            return returned;
        }
        #block
    }
}

fn at_type(output: &ReturnType) -> Span {
    match output {
        ReturnType::Default => Span::mixed_site(),
        ReturnType::Type(_, returned) => Span::mixed_site().located_at(returned.span()),
    }
}
