//! A number of calls that begin at the same time.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde::Serialize;
use undaunted_chaos::server::S3Server;
use undaunted_chaos::{Fault, FaultPlan, Rule};

use crate::call::{Call, Reply};
use crate::cell::settled;
use crate::clients::{Client, Endpoint, Session};
use crate::content::Content;
use crate::folder;
use crate::many;
use crate::traffic::Traffic;

/// Gets or puts of [`KILOBYTE`], each of an object of its own.
#[derive(Clone, Copy, Debug)]
pub struct Wave {
    pub calls: usize,
    pub puts: bool,
}

/// What one client needed for one wave.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    pub client: &'static str,
    pub wave: String,
    pub calls: usize,
    pub failed: usize,
    /// The requests that the server saw.
    pub requests: usize,
    /// Requests before the time that the server asked for.
    pub early: usize,
    pub seconds: f64,
    /// The seconds that the calls take if no request is throttled in vain.
    pub ideal: f64,
    /// The text of the first error.
    pub error: Option<String>,
}

impl Wave {
    pub const ALL: [Self; 5] = [
        Self::gets(200),
        Self::gets(500),
        Self::gets(1000),
        Self::gets(3000),
        Self {
            calls: 1000,
            puts: true,
        },
    ];

    pub const fn gets(calls: usize) -> Self {
        Self { calls, puts: false }
    }

    /// Runs the wave on a new server with these faults.
    pub async fn run(
        self,
        client: &dyn Client,
        faults: FaultPlan,
        hint: Option<Duration>,
    ) -> io::Result<Figures> {
        let keys = many::keys(self.calls);
        let root = tempfile::tempdir()?;
        if !self.puts {
            folder::put_many(root.path(), keys, KILOBYTE)?;
        }
        let server = S3Server::builder().root(root.path()).plan(faults);
        let server = server.start().await?;
        let session = client.connect(&Endpoint::of(&server)).await;
        let session = session.map_err(|failure| io::Error::other(failure.text))?;
        let session: Arc<dyn Session> = Arc::from(session);

        let start = Instant::now();
        let calls = (0..self.calls).map(|number| {
            let session = Arc::clone(&session);
            tokio::spawn(async move {
                let call = call(&*session, number, self.puts);
                let ended = tokio::time::timeout(LIMIT, call).await;
                ended.unwrap_or_else(|_| Err(format!("hung over {} s", LIMIT.as_secs())))
            })
        });
        let ended = join_all(calls).await;
        let seconds = start.elapsed().as_secs_f64();

        let requests = settled(&server).await;
        let objects = folder::objects(root.path())?;
        let mut failed = 0;
        let mut first_error = None;
        for (number, ended) in ended.into_iter().enumerate() {
            let stored = || match objects.get(keys[number]) {
                Some(bytes) if *bytes == KILOBYTE.numbered(number).bytes() => Ok(()),
                _ => Err("not stored".to_owned()),
            };
            let ended = ended.map_err(io::Error::other)?;
            if let Err(error) = ended.and_then(|()| stored()) {
                failed += 1;
                first_error.get_or_insert(error);
            }
        }
        Ok(Figures {
            client: client.name(),
            wave: self.to_string(),
            calls: self.calls,
            failed,
            requests: requests.len(),
            early: Traffic::of(&requests, 0, hint).early,
            seconds,
            ideal: (self.calls - BURST as usize) as f64 / f64::from(PER_SECOND),
            error: first_error,
        })
    }
}

impl Figures {
    /// Requests in relation to calls.
    pub fn load(&self) -> f64 {
        self.requests as f64 / self.calls as f64
    }

    /// Seconds in relation to the ideal.
    pub fn slowness(&self) -> f64 {
        self.seconds / self.ideal
    }
}

impl fmt::Display for Wave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = if self.puts { "puts" } else { "gets" };
        match self.calls {
            calls @ ..1000 => write!(f, "{calls} {operation}"),
            calls => write!(f, "{},{:03} {operation}", calls / 1000, calls % 1000),
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.failed {
            0 => write!(f, "none failed")?,
            failed => write!(f, "**{failed} failed**")?,
        }
        let (requests, load, seconds) = (self.requests, self.load(), self.seconds);
        write!(f, "; {requests} req, {load:.2} N; {seconds:.1} s")?;
        // Calls that fail early make no client quick.
        if self.failed == 0 {
            write!(f, ", {:.2} x", self.slowness())?;
        }
        Ok(())
    }
}

/// One call, right or wrong.
pub async fn call(session: &dyn Session, number: usize, put: bool) -> Result<(), String> {
    let key = many::keys(number + 1)[number];
    let content = KILOBYTE.numbered(number);
    let call = if put {
        Call::Put { key, content }
    } else {
        Call::Get { key }
    };
    match session.run(&call).await {
        Ok(Reply::Bodies(bodies)) if bodies == [content.bytes()] => Ok(()),
        Ok(Reply::Done) if put => Ok(()),
        Ok(_) => Err("wrong bytes".to_owned()),
        Err(failure) => Err(failure.text),
    }
}

/// A service that admits [`PER_SECOND`] requests a second.
pub fn throttled() -> FaultPlan {
    FaultPlan::scripted([limit(PER_SECOND, None)])
}

/// A limit on all requests, with a burst of one second.
pub fn limit(per_second: u32, retry_after: Option<Duration>) -> Rule {
    let limit = Fault::RateLimit {
        per_second,
        burst: per_second,
        retry_after,
    };
    Rule::any(limit).always()
}

/// The object number 0.
pub const KILOBYTE: Content = Content::new(6, 1000);
pub const PER_SECOND: u32 = 100;
const BURST: u32 = PER_SECOND;
/// Longer than the limit of 180 s that object_store and undaunted state.
const LIMIT: Duration = Duration::from_secs(200);
