//! What the terminal on stdout can show: its width, its characters, its colours.

use console::{Color, Style, Term};

/// The terminal on stdout, or the file or pipe in its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    pub(crate) width: usize,
    pub(crate) glyphs: Glyphs,
    has_colour: bool,
}

/// The characters that plots are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glyphs {
    Ascii,
    Unicode,
}

impl Terminal {
    pub(crate) fn of_stdout() -> Self {
        let terminal = Term::stdout();
        let columns = terminal.size_checked().map(|(_, columns)| columns);
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let columns = columns.or_else(|| variable("COLUMNS")?.parse().ok());
        let is_dumb = variable("TERM").is_some_and(|name| name == "dumb");
        Self {
            width: usize::from(columns.unwrap_or(WIDTH)).clamp(NARROWEST, WIDEST),
            glyphs: if !is_dumb && is_utf8(variable) {
                Glyphs::Unicode
            } else {
                Glyphs::Ascii
            },
            // It heeds NO_COLOR.
            has_colour: !is_dumb && console::colors_enabled(),
        }
    }

    /// The text in a colour, where there are colours.
    pub(crate) fn painted(self, text: &str, colour: Color) -> String {
        let style = Style::new().fg(colour).force_styling(self.has_colour);
        style.apply_to(text).to_string()
    }
}

/// Whether the locale's characters are those of Unicode. The first variable that is set counts.
fn is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(variable);
    let locale = locale.unwrap_or_default().to_ascii_lowercase();
    locale.ends_with("utf-8") || locale.ends_with("utf8")
}

/// Where there is no terminal.
const WIDTH: u16 = 100;
const NARROWEST: usize = 40;
/// Wider plots are not easier to read.
const WIDEST: usize = 160;

#[cfg(test)]
impl Terminal {
    pub(crate) const fn plain(width: usize, glyphs: Glyphs) -> Self {
        Self {
            width,
            glyphs,
            has_colour: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_says_which_characters_there_are() {
        let of = |variables: &[(&str, &str)]| {
            is_utf8(|name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(of(&[("LANG", "en_GB.UTF-8")]));
        assert!(of(&[("LC_ALL", "C.utf8"), ("LANG", "C")]));
        assert!(!of(&[("LC_CTYPE", "C"), ("LANG", "en_GB.UTF-8")]));
        assert!(!of(&[]));
    }

    #[test]
    fn nothing_is_painted_without_colours() {
        let terminal = Terminal::plain(80, Glyphs::Ascii);
        assert_eq!(terminal.painted("text", Color::Red), "text");
    }
}
