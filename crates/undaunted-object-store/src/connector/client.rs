//! The HTTP client of the clouds: object_store's own in all but redirects, which it does not
//! follow. reqwest would drop the signature on the way to another host, or send one that does not
//! fit.

use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use object_store::client::{ClientConfigKey, HttpClient, HttpConnector};
use object_store::{ClientOptions, Result};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::tls::Certificate;
use reqwest::{Client, NoProxy, Proxy};
use tokio::task::spawn_blocking;

use crate::error::generic;
use crate::open::value::parse_flag;

/// Makes clients that hand every redirect to the caller.
#[derive(Debug)]
pub(crate) struct DirectConnector;

impl HttpConnector for DirectConnector {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient> {
        Ok(HttpClient::new(Options(options).client()?))
    }
}

/// object_store's options, which it does not apply to a client of ours. Its own check of their
/// values comes before.
struct Options<'o>(&'o ClientOptions);

impl Options<'_> {
    fn client(&self) -> Result<Client> {
        let mut builder = Client::builder()
            .redirect(Policy::none())
            // A body that was decompressed has another length than its object.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .https_only(!self.flag(ClientConfigKey::AllowHttp)?);
        let agent = self.text(ClientConfigKey::UserAgent);
        builder = builder.user_agent(agent.as_deref().unwrap_or(USER_AGENT));
        if let Some(headers) = self.0.get_default_headers() {
            builder = builder.default_headers(headers.clone());
        }
        if let Some(url) = self.text(ClientConfigKey::ProxyUrl) {
            let mut proxy = Proxy::all(url).map_err(generic)?;
            if let Some(excludes) = self.text(ClientConfigKey::ProxyExcludes) {
                proxy = proxy.no_proxy(NoProxy::from_string(&excludes));
            }
            builder = builder.proxy(proxy);
            if let Some(pem) = self.text(ClientConfigKey::ProxyCaCertificate) {
                let certificate = Certificate::from_pem(pem.as_bytes()).map_err(generic)?;
                builder = builder.tls_certs_merge([certificate]);
            }
        }
        if self.flag(ClientConfigKey::NoSystemCertificates)? {
            builder = builder.tls_certs_only([]);
        }
        if self.flag(ClientConfigKey::AllowInvalidCertificates)? {
            builder = builder.danger_accept_invalid_certs(true);
        }
        if let Some(timeout) = self.duration(ClientConfigKey::Timeout)? {
            builder = builder.timeout(timeout);
        }
        if let Some(timeout) = self.duration(ClientConfigKey::ConnectTimeout)? {
            builder = builder.connect_timeout(timeout);
        }
        if let Some(timeout) = self.duration(ClientConfigKey::ReadTimeout)? {
            builder = builder.read_timeout(timeout);
        }
        if let Some(timeout) = self.duration(ClientConfigKey::PoolIdleTimeout)? {
            builder = builder.pool_idle_timeout(timeout);
        }
        if let Some(max) = self.value(ClientConfigKey::PoolMaxIdlePerHost, usize::from_str)? {
            builder = builder.pool_max_idle_per_host(max);
        }
        if let Some(interval) = self.duration(ClientConfigKey::Http2KeepAliveInterval)? {
            builder = builder.http2_keep_alive_interval(interval);
        }
        if let Some(timeout) = self.duration(ClientConfigKey::Http2KeepAliveTimeout)? {
            builder = builder.http2_keep_alive_timeout(timeout);
        }
        if self.flag(ClientConfigKey::Http2KeepAliveWhileIdle)? {
            builder = builder.http2_keep_alive_while_idle(true);
        }
        if let Some(size) = self.value(ClientConfigKey::Http2MaxFrameSize, u32::from_str)? {
            builder = builder.http2_max_frame_size(size);
        }
        if self.flag(ClientConfigKey::Http1Only)? {
            builder = builder.http1_only();
        }
        if self.flag(ClientConfigKey::Http2Only)? {
            builder = builder.http2_prior_knowledge();
        }
        if self.flag(ClientConfigKey::RandomizeAddresses)? {
            builder = builder.dns_resolver(Arc::new(Shuffled));
        }
        builder.build().map_err(generic)
    }

    fn text(&self, key: ClientConfigKey) -> Option<String> {
        self.0.get_config_value(&key)
    }

    fn value<T, E: Display>(
        &self,
        key: ClientConfigKey,
        parse: impl FnOnce(&str) -> std::result::Result<T, E>,
    ) -> Result<Option<T>> {
        let Some(text) = self.text(key) else {
            return Ok(None);
        };
        match parse(&text) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(generic(format!("the option {}: {error}", key.as_ref()))),
        }
    }

    fn duration(&self, key: ClientConfigKey) -> Result<Option<Duration>> {
        self.value(key, humantime::parse_duration)
    }

    fn flag(&self, key: ClientConfigKey) -> Result<bool> {
        let flag = |text: &str| parse_flag(text).ok_or("it is neither true nor false");
        Ok(self.value(key, flag)?.unwrap_or(false))
    }
}

/// The system's resolver, whose addresses come in random order, so that connections spread over
/// the servers of a service.
struct Shuffled;

impl Resolve for Shuffled {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let resolve = move || {
                let addresses = (name.as_str(), 0).to_socket_addrs()?;
                Ok::<Vec<SocketAddr>, std::io::Error>(addresses.collect())
            };
            let mut addresses = spawn_blocking(resolve).await??;
            shuffle(&mut addresses);
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Puts these into a random order.
fn shuffle<T>(all: &mut [T]) {
    for last in (1..all.len()).rev() {
        // Each state is seeded at random.
        let drawn = RandomState::new().hash_one(last) % (last as u64 + 1);
        all.swap(last, usize::try_from(drawn).unwrap_or(last));
    }
}

const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Every option that object_store knows, set to a value other than its default.
    #[test]
    fn every_option_makes_a_client() {
        for (key, value) in [
            (ClientConfigKey::AllowHttp, "true"),
            (ClientConfigKey::AllowInvalidCertificates, "yes"),
            (ClientConfigKey::NoSystemCertificates, "on"),
            (ClientConfigKey::ConnectTimeout, "3 seconds"),
            (ClientConfigKey::Http1Only, "1"),
            (ClientConfigKey::Http2Only, "true"),
            (ClientConfigKey::Http2KeepAliveInterval, "30s"),
            (ClientConfigKey::Http2KeepAliveTimeout, "10s"),
            (ClientConfigKey::Http2KeepAliveWhileIdle, "true"),
            (ClientConfigKey::Http2MaxFrameSize, "32768"),
            (ClientConfigKey::PoolIdleTimeout, "1m"),
            (ClientConfigKey::PoolMaxIdlePerHost, "7"),
            (ClientConfigKey::ProxyUrl, "http://127.0.0.1:1"),
            (ClientConfigKey::RandomizeAddresses, "true"),
            (ClientConfigKey::ReadTimeout, "5s"),
            (ClientConfigKey::Timeout, "1h"),
            (ClientConfigKey::UserAgent, "test/1"),
        ] {
            let options = ClientOptions::new().with_config(key, value);
            assert!(Options(&options).client().is_ok(), "{key:?}");
        }
    }

    #[test]
    fn a_value_that_is_none_names_its_option() {
        let options = ClientOptions::new().with_config(ClientConfigKey::ReadTimeout, "soon");
        let error = Options(&options).client().unwrap_err().to_string();
        assert!(error.contains("read_timeout"), "{error}");
    }

    #[tokio::test]
    async fn shuffled_addresses_are_those_of_the_system() {
        let name: Name = "localhost".parse().unwrap();
        let mut addresses = Shuffled.resolve(name).await.unwrap();
        assert!(addresses.all(|address| address.ip().is_loopback()));
    }

    #[test]
    fn every_order_is_drawn() {
        // Each of the six is left out of all of them with a probability of 10^-79.
        let orders: HashSet<[u8; 3]> = (0..1000)
            .map(|_| {
                let mut order = [0, 1, 2];
                shuffle(&mut order);
                order
            })
            .collect();
        assert_eq!(orders.len(), 6, "{orders:?}");
        assert!(orders.iter().all(|order| order.iter().sum::<u8>() == 3));
    }
}
