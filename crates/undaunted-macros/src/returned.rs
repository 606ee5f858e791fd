//! What a function may return: a `Result` that outlives its attempt.

use syn::visit::{self, Visit};
use syn::{
    Error, FnArg, GenericArgument, Lifetime, ParenthesizedGenericArguments, PathArguments,
    PathSegment, ReturnType, Signature, Type, TypeBareFn, TypeImplTrait, TypeReference,
};

use crate::function::Passing;

/// Checks the return type as far as it can be seen. A path may be an alias of a `Result`;
/// whether it is, the compiler finds out.
pub(crate) fn check(signature: &Signature) -> syn::Result<()> {
    let name = &signature.ident;
    let no_result = |what: &str| {
        format!(
            "`{name}` returns {what}, so no failure of it can be seen: let it return a `Result`"
        )
    };
    let ReturnType::Type(_, returned) = &signature.output else {
        return Err(Error::new_spanned(name, no_result("nothing")));
    };
    let is_async = signature.asyncness.is_some();
    if !is_async && is_boxed_future(returned) {
        // At the name: the type may have been written by another attribute, far from here.
        return Err(Error::new_spanned(
            name,
            format!(
                "`{name}` returns a boxed future, which cannot be made again for the next attempt. \
                 If `#[async_trait]` made it one: put `#[retry]` and the body on an `async fn` \
                 outside of this block, and call that here"
            ),
        ));
    }
    if let Some(impl_trait) = find_impl_trait(returned) {
        let advice = match returned.as_ref() {
            Type::ImplTrait(_) if !is_async => "write `async fn` for a future, or name the type",
            _ => "name the type, or box it",
        };
        return Err(Error::new_spanned(
            impl_trait,
            format!(
                "`#[retry]` has to write the return type of `{name}` again, and `impl Trait` \
                 cannot be: {advice}"
            ),
        ));
    }
    if let Some(what) = what_is_no_result(returned) {
        return Err(Error::new_spanned(returned, no_result(&what)));
    }
    if borrows_exclusively(signature, returned) {
        return Err(Error::new_spanned(
            returned,
            format!(
                "what `{name}` returns would keep a `&mut` argument borrowed while the next \
                 attempt needs it: return an owned value, or borrow from `&self`"
            ),
        ));
    }
    Ok(())
}

/// `BoxFuture<..>`, `LocalBoxFuture<..>` and `Pin<Box<dyn ..>>`.
fn is_boxed_future(returned: &Type) -> bool {
    let Some(segment) = last_segment(returned) else {
        return false;
    };
    if segment.ident == "BoxFuture" || segment.ident == "LocalBoxFuture" {
        return true;
    }
    let inner = first_argument(segment).and_then(last_segment);
    segment.ident == "Pin"
        && inner.is_some_and(|inner| {
            inner.ident == "Box" && matches!(first_argument(inner), Some(Type::TraitObject(_)))
        })
}

/// A description of a type that cannot be a `Result`.
fn what_is_no_result(returned: &Type) -> Option<String> {
    let what = match returned {
        Type::Array(_) | Type::Slice(_) => "an array",
        Type::BareFn(_) => "a function",
        Type::Never(_) => "never",
        Type::Ptr(_) => "a pointer",
        Type::Reference(_) => "a reference",
        Type::TraitObject(_) => "a trait object",
        Type::Tuple(tuple) if tuple.elems.is_empty() => "nothing",
        Type::Tuple(_) => "a tuple",
        _ => {
            let ident = &last_segment(returned)?.ident;
            let is_known = NO_RESULTS.iter().any(|known| ident == known);
            return is_known.then(|| format!("`{ident}`"));
        }
    };
    Some(what.to_owned())
}

/// Whether it borrows from what only one attempt at a time may hold, so that it could not
/// leave its attempt.
fn borrows_exclusively(signature: &Signature, returned: &Type) -> bool {
    let exclusive: Vec<&TypeReference> = signature
        .inputs
        .iter()
        .filter_map(|input| match input {
            FnArg::Receiver(receiver) => exclusive_reference(&receiver.ty),
            FnArg::Typed(argument) => exclusive_reference(&argument.ty),
        })
        .collect();
    let elided_is_exclusive = match signature.receiver() {
        Some(receiver) => Passing::of(&receiver.ty) == Passing::Exclusive,
        None => exclusive
            .iter()
            .any(|reference| reference.lifetime.is_none()),
    };
    let mut borrows = Borrows(Vec::new());
    borrows.visit_type(returned);
    borrows.0.iter().any(|borrow| match borrow {
        Some(lifetime) if lifetime.ident != "_" => exclusive
            .iter()
            .any(|reference| reference.lifetime.as_ref() == Some(*lifetime)),
        _ => elided_is_exclusive,
    })
}

/// The lifetimes of a type: `None` for a reference without a name.
struct Borrows<'ast>(Vec<Option<&'ast Lifetime>>);

impl<'ast> Visit<'ast> for Borrows<'ast> {
    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        self.0.push(Some(lifetime));
    }

    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        if reference.lifetime.is_none() {
            self.0.push(None);
        }
        visit::visit_type_reference(self, reference);
    }

    // Within `Fn(&T) -> &U` and `fn(&T) -> &U`, a lifetime without a name is theirs.
    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast ParenthesizedGenericArguments) {}

    fn visit_type_bare_fn(&mut self, _: &'ast TypeBareFn) {}
}

struct ImplTraits<'ast>(Option<&'ast TypeImplTrait>);

impl<'ast> Visit<'ast> for ImplTraits<'ast> {
    fn visit_type_impl_trait(&mut self, impl_trait: &'ast TypeImplTrait) {
        self.0.get_or_insert(impl_trait);
    }
}

fn find_impl_trait(ty: &Type) -> Option<&TypeImplTrait> {
    let mut found = ImplTraits(None);
    found.visit_type(ty);
    found.0
}

fn exclusive_reference(ty: &Type) -> Option<&TypeReference> {
    match ty {
        Type::Group(group) => exclusive_reference(&group.elem),
        Type::Paren(paren) => exclusive_reference(&paren.elem),
        Type::Reference(reference) => reference.mutability.map(|_| reference),
        _ => None,
    }
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

fn first_argument(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    match arguments.args.first() {
        Some(GenericArgument::Type(ty)) => Some(ty),
        _ => None,
    }
}

/// Types that nobody gives to an alias of `Result`.
const NO_RESULTS: &[&str] = &[
    "Arc", "Box", "HashMap", "Option", "Pin", "Poll", "Rc", "String", "Vec", "bool", "char", "f32",
    "f64", "i128", "i16", "i32", "i64", "i8", "isize", "str", "u128", "u16", "u32", "u64", "u8",
    "usize",
];
