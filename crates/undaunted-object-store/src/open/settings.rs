//! The settings of a store: its environment variables and its options, checked before
//! object_store sees them, which takes a value that cannot be used for a bug of its caller.

use std::env::vars_os;
use std::fmt;
use std::str::FromStr;

use url::Url;

use super::target::{OpenError, Target};
use super::value::{Kind, kind, names, parse_flag};

/// What a kind of store calls itself, and where its environment variables are.
pub(super) struct Names {
    pub(super) store: &'static str,
    /// What its variables begin with, if it has any.
    pub(super) prefix: Option<&'static str>,
    /// A variable without that, and the option that it is. Any other variable wins over it.
    pub(super) foreign: Option<(&'static str, &'static str)>,
    /// Further variables that object_store reads by itself, and what they must be.
    pub(super) read_later: &'static [(&'static str, Kind)],
    /// What its options begin with, where the option itself does not say it.
    pub(super) option_prefix: &'static str,
}

/// All that is set for a store whose options are of the type `K`. What comes later wins.
#[derive(Clone)]
pub(super) struct Settings<K> {
    names: &'static Names,
    settings: Vec<Setting<K>>,
}

#[derive(Clone)]
struct Setting<K> {
    key: K,
    value: String,
    origin: Origin,
}

/// Where a setting comes from, as its user knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Environment(String),
    Option(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "the environment variable {name}"),
            Self::Option(name) => write!(f, "the option {name}"),
        }
    }
}

impl<K: Copy + FromStr + AsRef<str>> Settings<K> {
    /// Reads the environment and the options of `target`. What is empty counts as not set; an
    /// empty option takes the environment's setting away.
    pub(super) fn read(target: &Target, names: &'static Names) -> Result<Self, OpenError> {
        let mut settings = Self {
            names,
            settings: Vec::new(),
        };
        if let Some((variable, option)) = names.foreign {
            if let Some((key, value)) = option.parse().ok().zip(std::env::var_os(variable)) {
                settings.set_from_environment(key, variable, value.to_str())?;
            }
        }
        if let Some(prefix) = names.prefix {
            for (variable, value) in vars_os() {
                let Some(variable) = variable.to_str() else {
                    continue;
                };
                let is_ours = variable.starts_with(prefix);
                let key = variable.to_ascii_lowercase().parse();
                if let (true, Ok(key)) = (is_ours, key) {
                    settings.set_from_environment(key, variable, value.to_str())?;
                }
            }
        }
        for (variable, kind) in names.read_later {
            let value = std::env::var(variable).unwrap_or_default();
            if let (false, Err(reason)) = (value.is_empty(), kind.check(&value)) {
                return Err(OpenError::Setting {
                    setting: Origin::Environment((*variable).to_owned()).to_string(),
                    reason,
                });
            }
        }
        for (name, value) in &target.options {
            let key = name.to_ascii_lowercase();
            let key = key.parse().map_err(|_| settings.unknown(&key, name))?;
            settings.set(key, value.clone(), Origin::Option(name.clone()))?;
        }
        Ok(settings)
    }

    /// A builder with all that is set.
    pub(super) fn apply<B>(&self, builder: B, set: impl Fn(B, K, String) -> B) -> B {
        self.settings.iter().fold(builder, |builder, setting| {
            set(builder, setting.key, setting.value.clone())
        })
    }

    /// Why no store could be built: the setting without which one can be, and what object_store
    /// says of it, which does not name it.
    pub(super) fn blame(
        &self,
        target: &Target,
        source: object_store::Error,
        builds: impl Fn(&Self) -> bool,
    ) -> OpenError {
        let culprit = (0..self.settings.len()).find(|place| {
            let mut others = self.clone();
            others.settings.remove(*place);
            builds(&others)
        });
        match culprit.and_then(|place| self.settings.get(place)) {
            Some(setting) => OpenError::Setting {
                setting: setting.origin.to_string(),
                reason: reason(&source, &setting.value),
            },
            None => target.not_built(source),
        }
    }

    /// Refuses an address without encryption that nobody allowed: the client would, and not say
    /// why.
    pub(super) fn check_http(&self, address: Option<&str>) -> Result<(), OpenError> {
        let url = address.and_then(|address| Url::parse(address).ok());
        let mut settings = self.settings.iter().rev();
        let allowed = settings.find(|setting| setting.key.as_ref() == "allow_http");
        let is_allowed = allowed.and_then(|setting| parse_flag(&setting.value));
        match url.filter(|url| url.scheme() == "http") {
            Some(url) if is_allowed != Some(true) => Err(OpenError::PlainHttp {
                url: format!("http://{}", url.host_str().unwrap_or_default()),
                option: format!("{}allow_http", self.names.option_prefix),
            }),
            _ => Ok(()),
        }
    }

    fn set_from_environment(
        &mut self,
        key: K,
        variable: &str,
        value: Option<&str>,
    ) -> Result<(), OpenError> {
        let origin = Origin::Environment(variable.to_owned());
        match value {
            Some("") => Ok(()),
            Some(value) => self.set(key, value.to_owned(), origin),
            None => Err(OpenError::Setting {
                setting: origin.to_string(),
                reason: "it is not UTF-8".to_owned(),
            }),
        }
    }

    fn set(&mut self, key: K, value: String, origin: Origin) -> Result<(), OpenError> {
        if value.is_empty() {
            let name = key.as_ref();
            self.settings.retain(|set| set.key.as_ref() != name);
            return Ok(());
        }
        let kind = kind(key.as_ref()).unwrap_or(Kind::Text);
        if let Err(reason) = kind.check(&value) {
            return Err(OpenError::Setting {
                setting: origin.to_string(),
                reason,
            });
        }
        self.settings.push(Setting { key, value, origin });
        Ok(())
    }

    fn unknown(&self, key: &str, name: &str) -> OpenError {
        OpenError::UnknownOption {
            key: name.to_owned(),
            store: self.names.store,
            nearest: self.nearest(key),
        }
    }

    /// The known option that looks most like an unknown one, if it looks like it.
    fn nearest(&self, unknown: &str) -> Option<String> {
        let prefix = self.names.option_prefix;
        let known = names().filter(|name| name.parse::<K>().is_ok());
        let spelled = known.flat_map(|name| {
            let short = name.strip_prefix(prefix).unwrap_or(name);
            [
                name.to_owned(),
                short.to_owned(),
                format!("{prefix}{short}"),
            ]
        });
        spelled
            .filter(|name| name.parse::<K>().is_ok())
            .map(|name| (strsim::osa_distance(unknown, &name), name))
            .filter(|(distance, name)| *distance <= name.len().max(unknown.len()) / 3)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, name)| name)
    }
}

/// What object_store says, unless it repeats the value, which may be a secret.
fn reason(source: &object_store::Error, value: &str) -> String {
    let text = match source {
        // Its own text begins with the name of the store.
        object_store::Error::Generic { source, .. } => source.to_string(),
        other => other.to_string(),
    };
    // A value of a few letters is no secret, and is part of many a word.
    if value.len() < SHORTEST_SECRET {
        return text;
    }
    text.replace(value, "…")
}

const SHORTEST_SECRET: usize = 8;

#[cfg(test)]
mod tests {
    use object_store::{ClientConfigKey, ObjectStoreScheme};

    use super::*;

    const NAMES: Names = Names {
        store: "HTTP",
        prefix: None,
        foreign: None,
        read_later: &[],
        option_prefix: "",
    };

    fn read(options: &[(&str, &str)]) -> Result<Settings<ClientConfigKey>, OpenError> {
        let options = options.iter();
        let target = Target {
            scheme: ObjectStoreScheme::Http,
            url: Url::parse("https://host/").unwrap(),
            path: object_store::path::Path::default(),
            options: options
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            runtime: None,
        };
        Settings::read(&target, &NAMES)
    }

    fn applied(settings: &Settings<ClientConfigKey>) -> Vec<String> {
        settings.apply(Vec::new(), |mut all, key, value| {
            all.push(format!("{}={value}", key.as_ref()));
            all
        })
    }

    #[test]
    fn a_later_setting_follows_an_earlier_one_and_an_empty_one_unsets_it() {
        let mut settings = read(&[("user_agent", "a"), ("timeout", "1s")]).unwrap();
        let set = |settings: &mut Settings<_>, value| {
            let key = ClientConfigKey::UserAgent;
            settings.set_from_environment(key, "USER_AGENT", value)
        };
        set(&mut settings, Some("b")).unwrap();
        assert_eq!(
            applied(&settings),
            ["user_agent=a", "timeout=1s", "user_agent=b"]
        );
        // A variable that is empty is none; an option that is empty takes the others away.
        set(&mut settings, Some("")).unwrap();
        assert_eq!(applied(&settings).len(), 3);
        let unset = read(&[("user_agent", "a"), ("timeout", "1s"), ("user_agent", "")]);
        assert_eq!(applied(&unset.unwrap()), ["timeout=1s"]);

        for (value, reason) in [
            (None, "it is not UTF-8"),
            (Some("a\n"), "control character"),
        ] {
            let text = set(&mut settings, value).unwrap_err().to_string();
            assert!(
                text.contains("the environment variable USER_AGENT"),
                "{text}"
            );
            assert!(text.contains(reason), "{text}");
        }
        let text = read(&[("timeout", "soon")]).err().unwrap().to_string();
        assert!(
            text.starts_with("the option timeout is not valid"),
            "{text}"
        );
    }

    #[test]
    fn an_unknown_option_is_told_the_one_that_looks_like_it() {
        let told = |name| read(&[(name, "1")]).err().unwrap().to_string();
        for (name, nearest) in [
            ("user_agnet", "user_agent"),
            ("USER-AGENT", "user_agent"),
            ("time_out", "timeout"),
            // As many letters differ as may: a third of the longer one.
            ("tameaut", "timeout"),
        ] {
            let text = told(name);
            let expected = format!("did you mean {nearest}?");
            assert!(text.contains(&expected), "{text}");
        }
        for far in ["color", "tameaat"] {
            let text = told(far);
            assert!(
                text.contains("use object_store's configuration keys"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_reason_keeps_values_that_may_be_secret_and_says_short_ones() {
        let error = |text: &str| object_store::Error::Generic {
            store: "HTTP",
            source: text.into(),
        };
        let source = error("1234567 and 12345678 are wrong");
        assert_eq!(reason(&source, "12345678"), "1234567 and … are wrong");
        assert_eq!(reason(&source, "1234567"), "1234567 and 12345678 are wrong");
    }

    #[test]
    fn plain_http_is_taken_where_it_is_allowed_in_the_end() {
        let taken = |options: &[(&str, &str)], url| {
            read(options)
                .unwrap()
                .check_http(Some(url))
                .map_err(|error| error.to_string())
        };
        let (plain, secure) = ("http://host:1/path", "https://host/path");
        assert_eq!(taken(&[], secure), Ok(()));
        assert_eq!(taken(&[("allow_http", "true")], plain), Ok(()));
        for refused in [
            &[][..],
            &[("allow_http", "false")],
            &[("allow_http", "true"), ("allow_http", "false")],
        ] {
            let text = taken(refused, plain).unwrap_err();
            assert!(text.contains("http://host cannot be opened"), "{text}");
            assert!(text.contains("allow_http=true"), "{text}");
        }
        read(&[]).unwrap().check_http(None).unwrap();
    }
}
