//! What a function must be so that its body can run more than once.

use syn::{Error, Signature};

use crate::function::Passing;
use crate::options::Options;
use crate::returned;

/// Checks a signature, and what the options ask of it if they could be read.
pub(crate) fn check(signature: &Signature, options: Option<&Options>) -> syn::Result<()> {
    check_qualifiers(signature)?;
    check_receiver(signature)?;
    returned::check(signature)?;
    match options.and_then(|options| options.attempt_timeout.as_ref()) {
        Some(key) if signature.asyncness.is_none() => Err(Error::new_spanned(
            key,
            format!(
                "`attempt_timeout` cannot cut an attempt of `{}`, which is not async: use \
                 `undaunted::blocking::Retry::new(|attempt| ..)`, which tells each attempt the \
                 time it has left",
                signature.ident
            ),
        )),
        _ => Ok(()),
    }
}

fn check_qualifiers(signature: &Signature) -> syn::Result<()> {
    let name = &signature.ident;
    if let Some(constness) = &signature.constness {
        return Err(Error::new_spanned(
            constness,
            format!("`{name}` cannot wait and try again in a constant: remove `const`"),
        ));
    }
    if let Some(abi) = &signature.abi {
        return Err(Error::new_spanned(
            abi,
            format!(
                "`{name}` is called from another language, which has no `Result`: retry a \
                 Rust function that it calls"
            ),
        ));
    }
    match &signature.variadic {
        Some(variadic) => Err(Error::new_spanned(
            variadic,
            "variable arguments cannot be given to a second attempt",
        )),
        None => Ok(()),
    }
}

fn check_receiver(signature: &Signature) -> syn::Result<()> {
    let Some(receiver) = signature.receiver() else {
        return Ok(());
    };
    if Passing::of(&receiver.ty) == Passing::Value {
        return Err(Error::new_spanned(
            receiver,
            format!(
                "the first attempt would use up `self`: let `{}` take `&self` or `&mut self`, or \
                 let it call a retried function with a clone",
                signature.ident
            ),
        ));
    }
    match &receiver.mutability {
        Some(mutability) if receiver.reference.is_none() => Err(Error::new_spanned(
            mutability,
            "the next attempt would see what this one made of `self`: remove `mut`, and use a \
             variable in the body",
        )),
        _ => Ok(()),
    }
}
