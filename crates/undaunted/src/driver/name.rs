//! A readable name for an operation that was not given one.

use std::any::type_name;

/// The name of the function that `Op` is, or was written in: `app::store::upload::{{closure}}`
/// is `upload`.
pub(super) fn of<Op>() -> &'static str {
    shorten(type_name::<Op>())
}

fn shorten(path: &str) -> &str {
    let mut path = path;
    while let Some(outer) = path.strip_suffix("::{{closure}}") {
        path = outer;
    }
    let generics = path.find('<').filter(|start| *start > 0);
    let path = &path[..generics.unwrap_or(path.len())];
    path.trim_end_matches("::")
        .rsplit("::")
        .next()
        .unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::shorten;

    #[test]
    fn the_function_is_what_a_reader_knows() {
        for (path, name) in [
            ("app::store::upload", "upload"),
            ("app::store::upload::{{closure}}", "upload"),
            ("app::store::upload::{{closure}}::{{closure}}", "upload"),
            ("app::fetch<alloc::string::String>", "fetch"),
            ("app::fetch<alloc::string::String>::{{closure}}", "fetch"),
            ("<app::Store as app::Put>::put::{{closure}}", "put"),
            ("upload", "upload"),
            ("", ""),
        ] {
            assert_eq!(shorten(path), name, "{path}");
        }
    }
}
