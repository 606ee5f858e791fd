//! A request that the server saw, with the fields that a verdict needs.

use std::time::Duration;

use undaunted_chaos::Operation;
use undaunted_chaos::server::RequestRecord;

#[derive(Clone, Debug)]
pub struct Request {
    /// When it came, since the first request.
    pub at: Duration,
    pub operation: Operation,
    pub key: String,
    pub part: Option<usize>,
    /// The bytes of its body.
    pub sent: u64,
    /// The bytes of the response's body that were sent.
    pub answered: u64,
    /// The fault that hit it.
    pub fault: Option<String>,
    /// None if the connection ended without a response.
    pub status: Option<u16>,
}

impl Request {
    /// Whether the server applied a write, independent of its response.
    pub fn was_applied(&self) -> bool {
        let fault = self.fault.as_deref().unwrap_or_default();
        // An injected failure may have a status of success, and an applied write one of failure.
        let succeeded = fault.is_empty() && matches!(self.status, Some(200..=299));
        self.operation.is_write() && (succeeded || fault.starts_with("fail_after"))
    }

    /// The bytes of objects in this request or in its response.
    pub fn payload(&self) -> u64 {
        match self.operation {
            Operation::Put | Operation::PutPart => self.sent,
            Operation::Get if matches!(self.status, Some(200 | 206)) => self.answered,
            _ => 0,
        }
    }

    /// Whether the server refused it and asked for a delay.
    pub fn was_refused(&self) -> bool {
        self.fault.is_some() && matches!(self.status, Some(429 | 503))
    }
}

impl From<RequestRecord> for Request {
    fn from(record: RequestRecord) -> Self {
        Self {
            at: record.at,
            operation: record.operation,
            key: record.key,
            part: record.part,
            sent: record.bytes_in,
            answered: record.bytes_out,
            fault: record.fault,
            status: record.status,
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A request at a time in milliseconds, with a hundred bytes in each direction.
    pub fn request(
        operation: Operation,
        at: u64,
        fault: Option<&str>,
        status: Option<u16>,
    ) -> Request {
        Request {
            at: Duration::from_millis(at),
            operation,
            key: "a".to_owned(),
            part: None,
            sent: 100,
            answered: 100,
            fault: fault.map(ToOwned::to_owned),
            status,
        }
    }

    #[test]
    fn the_fault_and_not_the_response_shows_whether_a_write_was_applied() {
        let applied = |fault, status| request(Operation::Put, 0, fault, status).was_applied();
        assert!(applied(None, Some(200)));
        assert!(!applied(None, Some(412)));
        assert!(applied(Some("fail_after (connection closed)"), None));
        assert!(applied(Some("fail_after (HTTP status 500)"), Some(500)));
        assert!(!applied(Some("fail_before (connection closed)"), None));
        assert!(!applied(Some("fail_before (HTTP status 200)"), Some(200)));
        assert!(!request(Operation::Get, 0, None, Some(200)).was_applied());
    }
}
