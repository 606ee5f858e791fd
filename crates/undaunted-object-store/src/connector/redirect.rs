//! Where a redirect of S3's may lead: to the same object of the same bucket, at the same operator.

use std::net::Ipv4Addr;

use http::{HeaderValue, Uri};
use object_store::path::Path;
use url::Url;

/// The bucket that requests are for, by its name.
#[derive(Clone, Debug)]
pub(super) struct Bucket(pub(super) String);

impl Bucket {
    /// Where a `Location` leads, if that is to the same object of the same bucket.
    ///
    /// Whoever answers in place of S3 could send a client anywhere, and what it would send there
    /// are the session token and the content.
    pub(super) fn target(&self, from: &Uri, location: &HeaderValue) -> Option<Uri> {
        let from = Url::parse(&from.to_string()).ok()?;
        let mut to = from.join(location.to_str().ok()?).ok()?;
        let is_as_safe = to.scheme() == "https" || to.scheme() == from.scheme();
        if !is_as_safe || !to.username().is_empty() || to.password().is_some() {
            return None;
        }
        if !self.is_same_operator(from.host_str()?, to.host_str()?) {
            return None;
        }
        let asked = self.key(&from).unwrap_or_else(|| from.path());
        if !is_same_key(asked, self.key(&to)?) {
            return None;
        }
        to.set_fragment(None);
        // S3 adds a parameter of its own to the query.
        let said: Vec<_> = to.query_pairs().into_owned().collect();
        for (name, value) in from.query_pairs() {
            if !said.iter().any(|(said, _)| *said == name) {
                to.query_pairs_mut().append_pair(&name, &value);
            }
        }
        to.as_str().parse().ok()
    }

    /// Whether two hosts belong to one operator, as far as their names show: the same host, two of
    /// Amazon's, or two of one domain.
    fn is_same_operator(&self, from: &str, to: &str) -> bool {
        let endpoint = |host: &str| {
            let prefix = format!("{}.", self.0);
            host.strip_prefix(&prefix).unwrap_or(host).to_owned()
        };
        let (from, to) = (endpoint(from), endpoint(to));
        let is_loopback = |host: &str| LOOPBACK.contains(&host);
        // Anybody may have a host at Amazon, but none whose name begins so.
        let is_s3_of = |host: &str, domain: &str| host.starts_with("s3") && host.ends_with(domain);
        let is_of_domain = |domain: &str| {
            domain.contains('.')
                && domain.parse::<Ipv4Addr>().is_err()
                && to
                    .strip_suffix(domain)
                    .is_some_and(|rest| rest.ends_with('.'))
        };
        from == to
            || (is_loopback(&from) && is_loopback(&to))
            || AMAZON
                .iter()
                .any(|domain| is_s3_of(&from, domain) && is_s3_of(&to, domain))
            || (from.parse::<Ipv4Addr>().is_err()
                && from
                    .split_once('.')
                    .is_some_and(|(_, domain)| is_of_domain(domain)))
    }

    /// The key within the bucket that a URL is for, as the URL writes it; nothing if it is for
    /// another bucket.
    fn key<'u>(&self, url: &'u Url) -> Option<&'u str> {
        let host = url.host_str()?.strip_prefix(self.0.as_str());
        if host.is_some_and(|rest| rest.starts_with('.')) {
            return Some(url.path());
        }
        let key = url.path().strip_prefix('/')?.strip_prefix(&self.0)?;
        (key.is_empty() || key.starts_with('/')).then_some(key)
    }
}

/// Whether two URLs write the same key, perhaps with other characters escaped.
fn is_same_key(one: &str, other: &str) -> bool {
    let key = |text: &str| Path::from_url_path(text.trim_start_matches('/'));
    one.trim_start_matches('/') == other.trim_start_matches('/')
        || matches!((key(one), key(other)), (Ok(one), Ok(other)) if one == other)
}

const AMAZON: [&str; 2] = [".amazonaws.com", ".amazonaws.com.cn"];

const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

#[cfg(test)]
mod tests {
    use super::*;

    fn target(from: &str, to: &str) -> Option<String> {
        let location = HeaderValue::from_str(to).unwrap();
        let target = Bucket("bucket".to_owned()).target(&from.parse().unwrap(), &location)?;
        Some(target.to_string())
    }

    #[test]
    fn the_same_object_is_followed_from_and_to_either_style_of_address() {
        let path_style = "https://s3.us-east-1.amazonaws.com/bucket/a/b%20c";
        let host_style = "https://bucket.s3.us-east-1.amazonaws.com/a/b%20c";
        let elsewhere = [
            "https://bucket.s3-gztb4pa9sq.amazonaws.com/a/b%20c?rk=e2c69a31",
            "https://s3.eu-west-1.amazonaws.com/bucket/a/b%20c",
        ];
        for from in [path_style, host_style] {
            for to in elsewhere {
                assert_eq!(target(from, to).as_deref(), Some(to));
            }
        }
        // The same key, with another character escaped.
        let escaped = "https://s3.eu-west-1.amazonaws.com/bucket/%61/b%20c";
        assert_eq!(target(path_style, escaped).as_deref(), Some(escaped));
        // With the endpoint of a bucket, whatever its name is.
        assert!(target("https://files.example/k", elsewhere[1]).is_none());
        assert!(
            target(
                "https://files.store.example/k",
                "https://bucket.s3.store.example/k"
            )
            .is_some()
        );
        // Anybody may have a name beside that of an endpoint right below a top-level domain.
        assert!(
            target(
                "https://store.example/bucket/k",
                "https://evil.example/bucket/k"
            )
            .is_none()
        );
        // Nobody else gets the session token and the content.
        for elsewhere in [
            "https://bucket.s3.example/k",
            "https://127.0.0.2/bucket/k",
            "https://evil.example/bucket/k",
            "https://evil.elb.amazonaws.com/bucket/k",
        ] {
            assert!(
                target("https://files.store.example/bucket/k", elsewhere).is_none(),
                "{elsewhere}"
            );
            assert!(
                target("https://127.0.0.1/bucket/k", elsewhere).is_none(),
                "{elsewhere}"
            );
        }
        assert!(target("http://127.0.0.1:1/bucket/k", "http://localhost:2/bucket/k").is_some());
    }

    #[test]
    fn the_query_of_the_request_stays_and_that_of_the_location_is_added() {
        let from = "http://h/bucket/k?partNumber=1&uploadId=u";
        assert_eq!(
            target(from, "http://bucket.h/k?rk=1&uploadId=u").as_deref(),
            Some("http://bucket.h/k?rk=1&uploadId=u&partNumber=1")
        );
    }

    #[test]
    fn nothing_else_is_followed() {
        let from = "https://s3.us-east-1.amazonaws.com/bucket/k";
        for to in [
            "http://bucket.s3.eu-west-1.amazonaws.com/k",
            "https://other.s3.eu-west-1.amazonaws.com/k",
            "https://evil.elb.amazonaws.com/bucket/k",
            "https://s3.eu-west-1.amazonaws.com/buckets/k",
            "https://s3.eu-west-1.amazonaws.com/bucket/kk",
            "https://user@bucket.s3.eu-west-1.amazonaws.com/k",
            "https://bucket/k",
            "/k",
        ] {
            assert_eq!(target(from, to), None, "{to}");
        }
    }
}
