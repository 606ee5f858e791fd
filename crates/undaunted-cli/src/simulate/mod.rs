//! `simulate`: what policies do to clients and to a service.

mod against;
mod args;
mod document;
mod printed;
mod recording;
mod run;
mod setup;
mod shown;

use std::io::{self, Write};
use std::time::Duration;

use undaunted_sim::{Builtin, Outcome, Policy, Report, Scenario, to_csv};

use crate::error::{CliError, FAILED, UsageError};
use crate::html;
use crate::progress::Progress;
use crate::replace;
use crate::signals::{Signal, Stop};
use crate::terminal::Terminal;
pub(crate) use args::SimulateArgs;
use setup::Setup;
use shown::ShownSimulation;

/// What came of a simulation.
struct Simulated {
    /// What the scenario is called.
    name: String,
    scenario: Scenario,
    outcomes: Vec<Outcome>,
    /// What was measured, if it was run for real.
    measured: Option<Measured>,
    /// Why there is no more of it.
    stopped: Option<Signal>,
}

/// What came of a scenario for real.
struct Measured {
    /// Of those policies that a store can follow.
    outcomes: Vec<Outcome>,
    /// How late things happened at most, because the machine was busy with others.
    late: Duration,
    /// The share of the scenario's load that was sent.
    share: f64,
    /// The other policies, and why.
    left_out: Vec<String>,
}

/// Simulates, and returns the exit status.
pub(crate) async fn run(args: SimulateArgs) -> Result<u8, CliError> {
    if args.list {
        return print(&list());
    }
    if let Some(path) = &args.html {
        replace::check("--html", path, args.inputs())?;
    }
    let setup = Setup::new(&args)?;
    let progress = Progress::share(args.quiet);
    if let Some(note) = &setup.note {
        progress.note(note);
    }
    if args.print {
        progress.finish();
        return print(printed::text(&setup, &args)?.trim_end());
    }
    let setup = setup.escaped();
    let stop = Stop::new();
    stop.listen(&progress).map_err(UsageError::Signals)?;
    let mut simulated = simulated(setup, args.against.is_some(), &progress, &stop).await?;
    progress.finish();
    simulated.stopped = stop.signal();
    let failed = simulated.failed(&args);
    // What took long to find is printed even if there can be no page of it.
    let page = args.html.as_ref();
    let page = page.map_or(Ok(()), |path| html::write(simulated.report(), path));
    if args.json {
        print(&document::of(&simulated, &failed).map_err(|error| CliError::Stdout(error.into()))?)?;
    } else if args.csv {
        print(to_csv(&simulated.all()).trim_end())?;
    } else if !args.quiet {
        let terminal = Terminal::of_stdout();
        print(&ShownSimulation::new(&simulated, terminal, !args.no_plots).to_string())?;
    }
    for condition in &failed {
        progress.error(condition);
    }
    page?;
    Ok(match simulated.stopped {
        Some(signal) => signal.exit_code(),
        None if !failed.is_empty() => FAILED,
        None => 0,
    })
}

async fn simulated(
    setup: Setup,
    is_measured: bool,
    progress: &Progress,
    stop: &Stop,
) -> Result<Simulated, CliError> {
    let Setup {
        name,
        mut scenario,
        mut policies,
        ..
    } = setup;
    if !is_measured {
        let outcomes = run::policies(&scenario, &policies, progress, stop).await;
        return Ok(Simulated::predicted(name, scenario, outcomes));
    }
    let mut left_out = Vec::new();
    for policy in &mut policies {
        match against::of_store(policy) {
            Ok(of_store) => *policy = of_store,
            Err(reason) => left_out.push(format!("{}: {reason}", policy.name)),
        }
    }
    let is_real = |policy: &&Policy| against::of_store(policy).is_ok();
    let real: Vec<Policy> = policies.iter().filter(is_real).cloned().collect();
    if real.is_empty() {
        let reason = left_out.join("; ");
        return Err(UsageError::NotForReal { reason }.into());
    }
    let whole = run::policies(&scenario, &real, progress, stop).await;
    // Half of a prediction does not say how much a machine can do.
    if stop.cause().is_some() {
        return Ok(Simulated::predicted(name, scenario, whole));
    }
    let share = against::share(&whole);
    scenario = scenario.scaled(share);
    let predicted = run::policies(&scenario, &policies, progress, stop).await;
    if stop.cause().is_some() {
        return Ok(Simulated::predicted(name, scenario, predicted));
    }
    let observed = against::measure(&scenario, &real, progress, stop).await?;
    let outcomes = match stop.cause() {
        Some(_) => observed.predicted_until_then(&scenario, &policies),
        None => predicted,
    };
    Ok(Simulated {
        outcomes,
        name,
        scenario,
        measured: Some(Measured {
            outcomes: observed.outcomes,
            late: observed.late,
            share,
            left_out,
        }),
        stopped: None,
    })
}

impl Simulated {
    /// What was not run for real.
    fn predicted(name: String, scenario: Scenario, outcomes: Vec<Outcome>) -> Self {
        Self {
            name,
            scenario,
            outcomes,
            measured: None,
            stopped: None,
        }
    }

    /// The conditions of `--fail-if` that are true, with their figures.
    fn failed(&self, args: &SimulateArgs) -> Vec<String> {
        // Half of a simulation has lost nothing yet.
        if self.stopped.is_some() {
            return Vec::new();
        }
        let conditions = args.fail_if.iter();
        let outcomes = self.all();
        let all = conditions.flat_map(|condition| {
            let outcomes = outcomes.iter();
            outcomes.map(move |outcome| (condition, outcome))
        });
        all.filter(|(condition, outcome)| condition.is_met(outcome))
            .map(|(condition, outcome)| condition.explain(outcome))
            .collect()
    }

    fn report(&self) -> Report {
        let measured = self.measured.as_ref();
        let measured = measured.map_or(&[][..], |measured| &measured.outcomes);
        Report::of_measured(&self.scenario, &self.outcomes, measured)
            .titled(format!("Simulation: {}", self.name))
    }

    /// What was measured of a policy.
    fn measured(&self, policy: &str) -> Option<&Outcome> {
        let mut outcomes = self.measured.iter().flat_map(|measured| &measured.outcomes);
        outcomes.find(|outcome| outcome.policy == policy)
    }

    /// What was predicted, then what was measured, under names that tell them apart.
    fn all(&self) -> Vec<Outcome> {
        let measured = self.measured.iter().flat_map(|measured| &measured.outcomes);
        let measured = measured.cloned().map(|mut outcome| {
            outcome.policy.push_str(" (measured)");
            outcome
        });
        self.outcomes.iter().cloned().chain(measured).collect()
    }
}

/// Prints to stdout. Whoever closed the pipe has read enough.
fn print(text: &str) -> Result<u8, CliError> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        printed => printed.map(|()| 0).map_err(CliError::Stdout),
    }
}

fn list() -> String {
    let lines = Builtin::ALL.iter().map(|builtin| {
        let (name, summary) = (builtin.name, builtin.summary);
        format!("{name:11} {summary}")
    });
    lines.collect::<Vec<_>>().join("\n")
}
