//! Carrying out the faults that a plan chose for one call.

use object_store::{Error, Result};

use crate::{Failure, Fault, FaultPlan, Injection};

/// What a plan has in store for one call: any number of delays, then one other fault at most.
#[derive(Debug)]
#[must_use = "a planned fault that is not carried out never happens"]
pub(crate) struct Planned {
    hits: Vec<Hit>,
}

impl Planned {
    pub(crate) const fn new(hits: Vec<Hit>) -> Self {
        Self { hits }
    }

    /// The faults, for those who carry them out by other means than an `object_store` error.
    #[cfg(feature = "server")]
    pub(crate) fn into_hits(self) -> Vec<Hit> {
        self.hits
    }

    /// Whether the inner store must not hear of the call.
    pub(crate) fn fails_before(&self) -> bool {
        self.hits.iter().any(|hit| hit.fault().refusal().is_some())
    }

    /// Does what comes before the call, and hands back the fault that comes after it.
    ///
    /// # Errors
    ///
    /// The failure, if the call is to fail before it is applied.
    pub(crate) async fn before(self) -> Result<Option<Hit>> {
        for hit in self.hits {
            if let Fault::Delay(lasts) = hit.fault() {
                let lasts = *lasts;
                hit.fire();
                tokio::time::sleep(lasts).await;
                continue;
            }
            return match hit.fault().refusal() {
                Some(failure) => Err(hit.fail(&failure)),
                None => Ok(Some(hit)),
            };
        }
        Ok(None)
    }

    /// Carries out the whole plan around a call that has one answer and no body.
    pub(crate) async fn around<T>(self, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let hit = self.before().await?;
        let answer = call.await?;
        match hit.and_then(|hit| hit.lost_answer()) {
            Some(error) => Err(error),
            None => Ok(answer),
        }
    }
}

/// One fault that was chosen for one call. It counts as injected only once it takes effect.
#[derive(Debug)]
pub(crate) struct Hit {
    pub(crate) plan: FaultPlan,
    pub(crate) rule: Option<usize>,
    pub(crate) injection: Injection,
    /// Its position is a random number, to be brought within the body.
    pub(crate) scattered: bool,
}

impl Hit {
    pub(crate) const fn fault(&self) -> &Fault {
        &self.injection.fault
    }

    /// The fault takes effect.
    pub(crate) fn fire(&self) {
        self.plan.record(self.rule, self.injection.clone());
    }

    /// The fault takes effect as this failure.
    pub(crate) fn fail(&self, failure: &Failure) -> Error {
        self.fire();
        failure.to_error(&self.injection.key)
    }

    /// The failure in the place of the whole answer, if this fault is of that kind.
    pub(crate) fn lost_answer(&self) -> Option<Error> {
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
        let scattered = self.scattered;
        let at = self.injection.fault.at_mut()?;
        if scattered {
            *at = at.checked_rem(length)?;
        }
        (*at < length).then_some(*at)
    }
}
