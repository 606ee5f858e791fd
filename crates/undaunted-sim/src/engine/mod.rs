//! The simulation: calls that are driven by the shipped state, and a service, in virtual time.

mod hedging;
pub(crate) mod process;
pub(crate) mod record;
mod room;
mod turns;

use std::ops::ControlFlow;
use std::time::Duration;

use undaunted::{Decision, HedgedResponse, Pacer, RetryState, StopReason, Turn, Verdict};

use crate::clients::{Arrivals, Source};
use crate::fault::Fault;
use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::queue::{Event, EventKind, EventQueue};
use crate::random::Random;
use crate::scenario::Scenario;
use crate::service::{Response, ResponseKind, Server};
use crate::time::{Clock, NEVER, Nanos, nanos};
use hedging::Hedging;
use process::Processes;
use record::Recorder;
use room::{Held, Rooms};

/// Runs a policy through a scenario, as long as `watch` wants that.
pub(crate) fn run(
    scenario: &Scenario,
    policy: &Policy,
    watch: impl FnMut(Duration) -> ControlFlow<()>,
) -> Outcome {
    let pacers = if policy.has_pacer {
        scenario.clients.processes.max(1)
    } else {
        0
    };
    let pacers: Vec<Pacer> = (0..pacers).map(|_| Pacer::new()).collect();
    let mut engine = Engine::new(scenario, policy, &pacers);
    engine.start(scenario);
    let ended = engine.run(nanos(scenario.duration), watch);
    let hung = engine.hung();
    engine.recorder.finish(scenario, policy, ended, hung)
}

/// One call, in a line of the cache: with a million of them each look costs one that is missed.
#[derive(Debug)]
#[repr(align(64))]
struct Call {
    state: RetryState,
    began: Nanos,
    process: u32,
    /// Calls that this client has begun.
    made: u32,
    /// What will be heard of the attempt.
    heard: Heard,
    held: Held,
}

const _: () = assert!(size_of::<Call>() == 64);

/// What a client hears of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Response(ResponseKind),
    /// A limit ended it.
    Cut,
    /// Its own throttle did not send it.
    NotSent,
    /// Nothing, ever.
    Nothing,
}

struct Engine<'r> {
    policy: &'r Policy,
    clock: Clock,
    queue: EventQueue,
    calls: Vec<Call>,
    /// Calls that have ended, whose places are free.
    free: Vec<u32>,
    server: Server,
    processes: Processes<'r>,
    /// The window of each process, if there are any.
    rooms: Vec<Rooms>,
    /// The turn of each call, if there are pacers.
    turns: Vec<Turn<&'r Pacer>>,
    /// The hedge of each call, if there are hedges.
    hedges: Vec<Hedging>,
    arrivals: Arrivals,
    source: Option<Source>,
    arrived: u32,
    seeds: Random,
    thinking: Random,
    recorder: Recorder,
    /// Whether the state is to be told the time.
    is_timed: bool,
}

impl<'r> Engine<'r> {
    fn new(scenario: &'r Scenario, policy: &'r Policy, pacers: &'r [Pacer]) -> Self {
        let random = |purpose| Random::new(scenario.seed, purpose);
        let faults: &[Fault] = &scenario.faults;
        let config = &policy.config;
        let has_limit = config
            .total_timeout()
            .or(config.attempt_timeout())
            .is_some();
        let processes =
            Processes::new(policy, scenario.clients.processes.max(1), pacers, random(1));
        let source = match scenario.clients.arrivals {
            Arrivals::Open {
                per_second,
                is_random,
            } => Some(Source::new(per_second, is_random, faults, random(2))),
            Arrivals::Closed { .. } => None,
        };
        Self {
            policy,
            clock: Clock::new(),
            queue: EventQueue::new(),
            calls: Vec::new(),
            free: Vec::new(),
            server: Server::new(&scenario.service, faults, random(3)),
            is_timed: has_limit || processes.need_time(),
            rooms: policy.windows(processes.count()).map(Rooms::new).collect(),
            processes,
            turns: Vec::new(),
            hedges: Vec::new(),
            arrivals: scenario.clients.arrivals,
            source,
            arrived: 0,
            seeds: random(4),
            thinking: random(5),
            recorder: Recorder::new(nanos(scenario.step())),
        }
    }

    fn start(&mut self, scenario: &Scenario) {
        if let Some(source) = &mut self.source {
            let at = source.next(0);
            self.push(at, 0, EventKind::Arrive);
            return;
        }
        if let Arrivals::Closed { clients, think, .. } = self.arrivals {
            let processes = scenario.clients.processes.max(1);
            for client in 0..clients {
                let id = self.place(client % processes);
                let at = think.draw(&mut self.thinking);
                self.push(at, id, EventKind::Call);
            }
        }
    }

    /// Lets things happen until the end, or until `watch` wants no more. Returns when that was.
    fn run(&mut self, end: Nanos, mut watch: impl FnMut(Duration) -> ControlFlow<()>) -> Nanos {
        let mut now = 0;
        loop {
            for _ in 0..EVENTS_BETWEEN_LOOKS {
                let Some(event) = self.queue.pop().filter(|event| event.at < end) else {
                    self.sample(end);
                    return end;
                };
                now = event.at;
                self.happen(event);
            }
            if watch(Duration::from_nanos(now)).is_break() {
                self.sample(now);
                return now;
            }
        }
    }

    #[inline]
    fn happen(&mut self, event: Event) {
        if self.recorder.is_due(event.at) {
            self.sample(event.at);
        }
        let (now, id) = (event.at, event.id);
        match event.kind {
            EventKind::Arrive => self.arrive(now),
            EventKind::Call => self.begin(now, id),
            EventKind::Attempt => self.attempt(now, id),
            EventKind::Hedge => self.hedge(now, id),
            EventKind::UnusedThrottle => self.unused_throttle(now, id),
            EventKind::End if self.is_current(now, id) => self.end(now, id),
            EventKind::End => {}
            EventKind::Look => self.look(now, id),
        }
    }

    fn sample(&mut self, now: Nanos) {
        let (server, processes) = (&self.server, &self.processes);
        self.recorder
            .advance(now, |at| (server.backlog(at), processes.gauges()));
    }

    /// A call arrives from outside.
    fn arrive(&mut self, now: Nanos) {
        if let Some(source) = &mut self.source {
            let at = source.next(now);
            self.push(at, 0, EventKind::Arrive);
        }
        let process = self.arrived % self.processes.count();
        self.arrived = self.arrived.wrapping_add(1);
        let id = match self.free.pop() {
            Some(id) => {
                self.calls[id as usize].process = process;
                id
            }
            None => self.place(process),
        };
        self.begin(now, id);
    }

    /// A place for a call.
    fn place(&mut self, process: u32) -> u32 {
        let id = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
        self.calls.push(Call {
            state: RetryState::new(None, 0),
            began: 0,
            process,
            made: 0,
            heard: Heard::Cut,
            held: Held::default(),
        });
        if let Some(pacer) = self.processes.pacer(process) {
            self.turns.push(Turn::new(pacer));
        }
        if self.policy.hedge.is_some() {
            self.hedges.push(Hedging {
                sent: 0,
                due: NEVER,
                ends: NEVER,
                response: HedgedResponse::InTime,
            });
        }
        id
    }

    fn begin(&mut self, now: Nanos, id: u32) {
        let starts = self.is_timed && !self.policy.clock_starts_at_failure;
        let start = starts.then(|| self.clock.instant(now));
        let seed = self.seeds.next();
        let call = &mut self.calls[id as usize];
        call.state = RetryState::new(start, seed);
        call.began = now;
        call.made += 1;
        let process = call.process;
        if let Some(pacer) = self.processes.pacer(process) {
            self.turns[id as usize] = Turn::new(pacer);
        }
        self.processes.on_call(process, now);
        self.recorder.tick.calls += 1;
        self.attempt(now, id);
    }

    /// An attempt begins, if the pacer and the window let it.
    fn attempt(&mut self, now: Nanos, id: u32) {
        let instant = self.is_timed.then(|| self.clock.instant(now));
        if !self.may_begin(now, instant, id) {
            return;
        }
        let call = &mut self.calls[id as usize];
        let cut = call.state.on_attempt(&self.policy.config, instant);
        let patience = cut.map_or(NEVER, |cut| now.saturating_add(nanos(cut.after)));
        if patience == now {
            self.leave(now, id);
            self.finish(now, id, Err(StopReason::DeadlineExceeded));
            return;
        }
        let is_retry = call.state.retries() > 0;
        let process = call.process;
        if !self.processes.admits(process, now) {
            self.hear(now, id, Heard::NotSent);
            return;
        }
        self.processes.on_sent(process, is_retry);
        self.recorder.totals.retries += u64::from(is_retry);
        let response = self.send(now, patience);
        if let Some(hedger) = self.processes.hedger(process) {
            let at = hedger
                .delay()
                .map_or(NEVER, |delay| now.saturating_add(nanos(delay)));
            let is_due = at < response.at.min(patience);
            let due = if is_due { at } else { NEVER };
            self.hedges[id as usize] = Hedging {
                sent: now,
                due,
                ends: NEVER,
                response: HedgedResponse::InTime,
            };
            self.push(due, id, EventKind::Hedge);
        }
        self.expect(id, response, patience);
    }

    fn send(&mut self, now: Nanos, patience: Nanos) -> Response {
        self.recorder.tick.requests += 1;
        let response = self.server.receive(now, patience);
        if response.kind == ResponseKind::Throttled {
            self.recorder.tick.throttled += 1;
        }
        response
    }

    /// Notes when the call hears of its attempt.
    fn expect(&mut self, id: u32, response: Response, patience: Nanos) {
        let heard = if response.at > patience {
            Heard::Cut
        } else {
            Heard::Response(response.kind)
        };
        self.hear(response.at.min(patience), id, heard);
    }

    fn hear(&mut self, at: Nanos, id: u32, heard: Heard) {
        let heard = if at == NEVER { Heard::Nothing } else { heard };
        self.calls[id as usize].heard = heard;
        if let Some(hedging) = self.hedges.get_mut(id as usize) {
            hedging.ends = at;
        }
        self.push(at, id, EventKind::End);
    }

    /// The attempt ends: with a result of the call, or with another attempt.
    fn end(&mut self, now: Nanos, id: u32) {
        let instant = self.is_timed.then(|| self.clock.instant(now));
        if let Heard::Response(kind) = self.calls[id as usize].heard {
            self.observe(now, id, kind);
        }
        let heard = self.calls[id as usize].heard;
        let is_success = heard == Heard::Response(ResponseKind::Success);
        if is_success {
            self.grow(now, id);
        }
        self.leave(now, id);
        let call = &mut self.calls[id as usize];
        let process = call.process;
        if heard != Heard::NotSent {
            let is_retry = call.state.retries() > 0;
            self.processes.on_end(process, now, is_retry, is_success);
        }
        let budget = self.processes.budget(process);
        let config = &self.policy.config;
        let verdict = match heard {
            Heard::Response(ResponseKind::Success) => {
                call.state.on_success(budget);
                if let (Some(turn), Some(instant)) = (self.turns.get_mut(id as usize), instant) {
                    turn.succeeded(instant);
                }
                self.finish(now, id, Ok(()));
                return;
            }
            Heard::Response(ResponseKind::Throttled) => Verdict::Throttled {
                retry_after: self.server.service().retry_after,
            },
            // To try again immediately what one has just decided not to send would be no throttle.
            Heard::NotSent => Verdict::Permanent,
            Heard::Response(_) | Heard::Cut | Heard::Nothing => Verdict::TRANSIENT,
        };
        self.recorder.count_failure(heard);
        if let (Some(_), None, Some(instant)) =
            (config.total_timeout(), call.state.start(), instant)
        {
            call.state.start_clock(instant);
        }
        let turn = self.turns.get_mut(id as usize);
        let decision = match (turn, instant, verdict) {
            (Some(turn), Some(instant), Verdict::Throttled { .. }) => {
                if turn.throttled(instant) {
                    turn.pacer().seed(self.seeds.next());
                }
                let pacer = turn.pacer();
                call.state
                    .on_paced_failure(config, Some(instant), verdict, pacer)
            }
            _ => call.state.on_failure(config, instant, verdict, budget),
        };
        match decision {
            Decision::Retry { .. } if !self.processes.withdraw(process, now) => {
                self.finish(now, id, Err(StopReason::BudgetExhausted));
            }
            Decision::Retry { delay } => {
                let at = now.saturating_add(nanos(delay).max(SHORTEST));
                self.push(at, id, EventKind::Attempt);
            }
            Decision::Stop(reason) => self.finish(now, id, Err(reason)),
        }
    }

    /// The call has a result. Its place is used again.
    fn finish(&mut self, now: Nanos, id: u32, result: Result<(), StopReason>) {
        let call = &mut self.calls[id as usize];
        self.recorder.count_result(now - call.began, result);
        match self.arrivals {
            Arrivals::Open { .. } => self.free.push(id),
            Arrivals::Closed { think, calls, .. } => {
                if calls.is_none_or(|calls| call.made < calls) {
                    let pause = think.draw(&mut self.thinking).max(SHORTEST);
                    self.push(now.saturating_add(pause), id, EventKind::Call);
                }
            }
        }
    }

    /// The calls that wait for a response that never comes.
    fn hung(&self) -> u64 {
        let hung = self.calls.iter();
        hung.filter(|call| call.heard == Heard::Nothing).count() as u64
    }

    fn push(&mut self, at: Nanos, id: u32, kind: EventKind) {
        // What never happens needs no room.
        if at != NEVER {
            self.queue.push(Event { at, id, kind });
        }
    }
}

/// A retry without a delay, and the next call without a pause, take a moment all the same. Otherwise time
/// would stand still where nothing takes any.
const SHORTEST: Nanos = 1000;
/// Some milliseconds of work: a progress bar moves, and Ctrl-C has an effect.
const EVENTS_BETWEEN_LOOKS: u32 = 1 << 16;
