//! The bucket in the name of a host, such as `bucket.localhost`.

use hyper::header::HOST;
use hyper::{HeaderMap, Uri};
use s3s::S3Result;
use s3s::host::{S3Host, VirtualHost};
use s3s::path::check_bucket_name;

/// Reads the names of hosts: those below `localhost` are buckets, and no other name is one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hosts;

impl S3Host for Hosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        Ok(match bucket_in(host) {
            Some(bucket) => VirtualHost::new(DOMAIN).with_bucket(bucket),
            None => VirtualHost::new(host),
        })
    }
}

/// The URI with the bucket in its path, wherever the request has it.
pub(super) fn in_path(headers: &HeaderMap, uri: &Uri) -> Uri {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let Some(bucket) = host.and_then(bucket_in) else {
        return uri.clone();
    };
    let rest = uri.path_and_query().map_or("/", |rest| rest.as_str());
    // A bucket and what was a path are one, so this does not fail.
    let moved = format!("/{bucket}{rest}").parse();
    moved.unwrap_or_else(|_| uri.clone())
}

fn bucket_in(host: &str) -> Option<&str> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let (bucket, domain) = name.split_at_checked(name.len().checked_sub(DOMAIN.len() + 1)?)?;
    let is_below = domain.starts_with('.') && domain[1..].eq_ignore_ascii_case(DOMAIN);
    Some(bucket).filter(|bucket| is_below && check_bucket_name(bucket))
}

/// Names below it are this machine, for browsers, curl and most systems.
const DOMAIN: &str = "localhost";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_below_localhost_is_a_bucket() {
        for (host, want) in [
            ("bucket.localhost:9000", Some("bucket")),
            ("my.bucket.LOCALHOST", Some("my.bucket")),
            ("localhost:9000", None),
            (".localhost", None),
            ("s3.localhost", None),
            ("127.0.0.1:9000", None),
            ("bucket.example.com", None),
            ("bucketülocalhost", None),
            ("[::1]:80", None),
            ("", None),
        ] {
            assert_eq!(bucket_in(host), want, "{host}");
        }
    }

    #[test]
    fn the_bucket_moves_into_the_path() {
        let moved = |host: &str, uri: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            in_path(&headers, &uri.parse().unwrap()).to_string()
        };
        assert_eq!(moved("bucket.localhost:1", "/"), "/bucket/");
        assert_eq!(
            moved("bucket.localhost", "/a%20b?c=/d"),
            "/bucket/a%20b?c=/d"
        );
        assert_eq!(moved("localhost:1", "/b/a"), "/b/a");
    }
}
