//! The function that the attribute stands on.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, TokenStreamExt};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Error, Signature, Token, Type, Visibility, braced, token};

/// A function with its body as the tokens it is: `#[retry]` moves the body, and reads no
/// more of it than the names in it. A body in the newest syntax passes.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) braces: token::Brace,
    pub(crate) inner_attributes: Vec<Attribute>,
    pub(crate) body: TokenStream,
}

/// How an argument gives the body its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passing {
    Exclusive,
    Shared,
    Value,
}

impl Function {
    /// The same function with another signature and body.
    pub(crate) fn emit(&self, signature: &Signature, body: &TokenStream) -> TokenStream {
        let mut function = TokenStream::new();
        function.append_all(&self.attributes);
        self.visibility.to_tokens(&mut function);
        signature.to_tokens(&mut function);
        self.braces.surround(&mut function, |inside| {
            inside.append_all(&self.inner_attributes);
            body.to_tokens(inside);
        });
        function
    }
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        refuse_other_items(input)?;
        let signature: Signature = input.parse()?;
        if input.peek(Token![;]) {
            return Err(Error::new_spanned(
                &signature.ident,
                format!(
                    "`{}` has no body to retry: put `#[retry]` on the functions that implement it",
                    signature.ident
                ),
            ));
        }
        let content;
        let braces = braced!(content in input);
        Ok(Self {
            attributes,
            visibility,
            signature,
            braces,
            inner_attributes: content.call(Attribute::parse_inner)?,
            body: content.parse()?,
        })
    }
}

impl Passing {
    pub(crate) fn of(ty: &Type) -> Self {
        match ty {
            // `$ty` of a macro_rules macro comes in a group.
            Type::Group(group) => Self::of(&group.elem),
            Type::Paren(paren) => Self::of(&paren.elem),
            Type::Reference(reference) if reference.mutability.is_some() => Self::Exclusive,
            Type::Reference(_) => Self::Shared,
            _ => Self::Value,
        }
    }
}

/// Whether `name` is among the tokens.
pub(crate) fn mentions(tokens: &TokenStream, name: &Ident) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Group(group) => mentions(&group.stream(), name),
        // By text: a name that looks the same and comes from elsewhere counts too, which at
        // worst costs a clone.
        TokenTree::Ident(ident) => ident.unraw() == name.unraw(),
        TokenTree::Literal(_) | TokenTree::Punct(_) => false,
    })
}

/// Whether any name in `pattern` is among the tokens.
pub(crate) fn mentions_any(tokens: &TokenStream, pattern: &TokenStream) -> bool {
    pattern.clone().into_iter().any(|token| match token {
        TokenTree::Group(group) => mentions_any(tokens, &group.stream()),
        TokenTree::Ident(ident) => !is_no_name(&ident) && mentions(tokens, &ident),
        TokenTree::Literal(_) | TokenTree::Punct(_) => false,
    })
}

fn is_no_name(ident: &Ident) -> bool {
    ident == "_" || ident == "mut" || ident == "ref"
}

fn refuse_other_items(input: ParseStream<'_>) -> syn::Result<()> {
    let ahead = input.fork();
    if ahead.peek(Token![unsafe]) {
        ahead.parse::<Token![unsafe]>()?;
    }
    let Ok(keyword) = ahead.call(Ident::parse_any) else {
        return Ok(());
    };
    let kind = keyword.to_string();
    let advice = match kind.as_str() {
        "impl" => "put it on the functions in it that should be retried",
        "trait" => "put it on the functions that implement it",
        "enum" | "macro_rules" | "mod" | "static" | "struct" | "type" | "union" | "use" => {
            "put it on the function that should be retried"
        }
        "const"
            if !ahead.peek(Token![fn])
                && !ahead.peek(Token![async])
                && !ahead.peek(Token![unsafe]) =>
        {
            "put it on the function that should be retried"
        }
        _ => return Ok(()),
    };
    Err(Error::new_spanned(
        keyword,
        format!("`#[retry]` goes on a function, and this is `{kind}`: {advice}"),
    ))
}
