//! Faults that were chosen for a call and have not taken effect yet.

use object_store::list::PaginatedListResult;
use object_store::multipart::PartId;
use object_store::{Error, GetResult, ListResult, MultipartUpload, PutResult, Result};

use crate::failure::Failure;
use crate::fault::Fault;
use crate::injection::{Injection, InjectionLog};

/// What hits one call: any number of delays, then at most one other fault.
#[derive(Debug)]
#[must_use = "a fault that is not carried out never happens"]
pub(crate) struct PendingFaults(pub(crate) Vec<PendingFault>);

impl PendingFaults {
    /// Whether the inner store must not hear of the call.
    pub(crate) fn refuse_the_call(&self) -> bool {
        self.0
            .iter()
            .any(|fault| fault.needs_server() || fault.fault().refusal().is_some())
    }

    /// Carries out what comes before the call, and returns the fault that comes after it.
    ///
    /// # Errors
    ///
    /// The failure, if the call is to fail before it is applied, and `NotSupported` if only a
    /// server can carry the fault out.
    pub(crate) async fn before(self) -> Result<Option<PendingFault>> {
        for fault in self.0 {
            if let Fault::Delay(lasts) = fault.fault() {
                let lasts = *lasts;
                fault.take_effect();
                tokio::time::sleep(lasts).await;
                continue;
            }
            if fault.needs_server() {
                return Err(fault.unsupported());
            }
            return match fault.fault().refusal() {
                Some(failure) => Err(fault.fail(&failure)),
                None => Ok(Some(fault)),
            };
        }
        Ok(None)
    }

    /// Carries out all of it around a call that has one response and no body.
    pub(crate) async fn around<T: Returned>(
        self,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let fault = self.before().await?;
        let response = call.await?;
        match fault {
            Some(fault) => fault.after(response),
            None => Ok(response),
        }
    }
}

/// One fault that was chosen for one call. It counts as injected only once it takes effect.
#[derive(Debug)]
pub(crate) struct PendingFault {
    pub(crate) injection: Injection,
    /// The number of the scripted rule that it came from.
    pub(crate) rule: Option<usize>,
    /// Its position is a random number, to be brought within the body.
    pub(crate) random_position: bool,
    /// Where it is counted once it takes effect.
    pub(crate) log: InjectionLog,
    /// It was counted before its last effect.
    pub(crate) is_counted: bool,
}

impl PendingFault {
    pub(crate) const fn fault(&self) -> &Fault {
        &self.injection.fault
    }

    pub(crate) fn take_effect(&self) {
        if !self.is_counted {
            self.log.add(self.rule, self.injection.clone());
        }
    }

    /// Takes effect as this failure.
    pub(crate) fn fail(&self, failure: &Failure) -> Error {
        self.take_effect();
        failure.to_error(&self.injection.key)
    }

    /// Carries out what comes after a call that has one response and no body.
    pub(crate) fn after<T: Returned>(&self, response: T) -> Result<T> {
        if matches!(self.fault(), Fault::NoEtag) {
            self.take_effect();
            return Ok(response.without_etag());
        }
        match self.lost_response() {
            Some(error) => Err(error),
            None => Ok(response),
        }
    }

    fn needs_server(&self) -> bool {
        self.fault().needs_server_for(self.injection.operation)
    }

    /// The error of a store for a fault that it cannot carry out.
    fn unsupported(&self) -> Error {
        let problem = format!(
            "the fault {} of {} needs an S3Server or `undaunted serve`: a FaultyStore has no \
             response of HTTP to change",
            self.fault().kind(),
            self.injection.operation
        );
        Error::NotSupported {
            source: problem.into(),
        }
    }

    /// The failure in the place of the whole response, if this fault is of that kind.
    pub(crate) fn lost_response(&self) -> Option<Error> {
        match self.fault() {
            Fault::FailAfter(failure) | Fault::BreakList { failure, .. } => {
                Some(self.fail(failure))
            }
            _ => None,
        }
    }

    /// The position of this fault in a body of this length, or none if it lies beyond its end
    /// or the fault is of another kind.
    pub(crate) fn position_in(&mut self, length: u64) -> Option<u64> {
        if matches!(self.fault(), Fault::DecompressBody { .. }) {
            return Some(0);
        }
        let at = self.injection.fault.at_mut(length)?;
        if self.random_position {
            *at = at.checked_rem(length)?;
        }
        (*at < length).then_some(*at)
    }
}

/// What a call to a store returns, as far as a fault can change it.
pub(crate) trait Returned: Sized {
    /// The same without the ETag of an object, if it has one.
    fn without_etag(self) -> Self {
        self
    }
}

impl Returned for GetResult {
    fn without_etag(mut self) -> Self {
        self.meta.e_tag = None;
        self
    }
}

impl Returned for PutResult {
    fn without_etag(mut self) -> Self {
        self.e_tag = None;
        self
    }
}

impl Returned for () {}
impl Returned for Box<dyn MultipartUpload> {}
impl Returned for ListResult {}
impl Returned for PaginatedListResult {}
impl Returned for PartId {}
/// The id of an upload.
impl Returned for String {}
