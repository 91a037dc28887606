//! One process: the production [`Elector`], and the trust that its commands amount to. What it asks for
//! is handed back as calls; when these are carried out and answered is the business of whoever drives it.

use super::database::{Answer, Call, ROLE, Who, Without};
use proget_cluster::election::{Command, Elector, Holding, Plant, Tick, Timing};

/// A process that is elected, or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) who: Who,
    elector: Elector,
    /// What it was told to trust and not told to distrust since.
    trust: Option<(Holding, Tick)>,
}

impl Node {
    pub(crate) fn candidate(who: Who, timing: Timing) -> Self {
        let mut elector = Elector::new([ROLE], timing);
        elector.stand();
        Self { who, elector, trust: None }
    }

    /// It looks at its clock.
    pub(crate) fn wake(&mut self, timing: &Timing, without: Without, now: Tick) -> Vec<Call> {
        let mut commands = self.elector.tick(now);
        if without == Without::EarlyWindow {
            // What it trusts by that wrong count ends by itself, and later.
            commands.retain(|command| !matches!(command, Command::Distrust(_)));
        }
        self.obey(timing, without, now, commands)
    }

    /// It gives its role up; it may campaign again at once.
    pub(crate) fn resign(&mut self, timing: &Timing, without: Without, now: Tick) -> Vec<Call> {
        let commands = self.elector.resign(ROLE);
        self.obey(timing, without, now, commands)
    }

    /// It hears an answer, or that there is none.
    pub(crate) fn hear(
        &mut self,
        timing: &Timing,
        without: Without,
        now: Tick,
        call: Call,
        answer: Option<Answer>,
    ) -> Vec<Call> {
        let elector = &mut self.elector;
        let commands = match (call, answer) {
            (Call::Look, Some(Answer::Leases(found))) => elector.looked(now, Some(&found)),
            (Call::Look, _) => elector.looked(now, None),
            (Call::Acquire { since, .. }, Some(Answer::Term(term))) => {
                elector.acquired(now, ROLE, since, term)
            }
            (Call::Acquire { since, .. }, _) => elector.acquired(now, ROLE, since, None),
            (Call::Renew(held), Some(Answer::Prolonged(prolonged))) => {
                elector.renewed(now, &held, Some(&prolonged))
            }
            (Call::Renew(held), _) => elector.renewed(now, &held, None),
            (Call::Plant(held), Some(Answer::Plant(outcome))) => elector.planted(now, held, outcome),
            (Call::Plant(held), _) if without == Without::Doubt => elector.planted(now, held, Plant::Planted),
            (Call::Plant(held), _) => elector.planted(now, held, Plant::Unknown),
            (Call::Resign(_) | Call::Write(_), _) => Vec::new(),
        };
        self.obey(timing, without, now, commands)
    }

    /// When it wants to look at its clock again.
    pub(crate) fn next(&self, now: Tick) -> Tick {
        self.elector.next(now)
    }

    /// The term that it would act on at this moment of its own clock.
    pub(crate) fn trusts(&self, now: Tick) -> Option<i64> {
        self.trust.filter(|(_, until)| now < *until).map(|(held, _)| held.term)
    }

    /// Are its commands and its own mind the same? Who lost or gave up a role has told so.
    pub(crate) fn is_of_one_mind(&self) -> bool {
        self.elector.trusted().eq(self.trust)
    }

    fn obey(&mut self, timing: &Timing, without: Without, now: Tick, commands: Vec<Command>) -> Vec<Call> {
        let mut calls = Vec::new();
        for command in commands {
            calls.push(match command {
                Command::Look => Call::Look,
                Command::Acquire { floor, since, .. } => Call::Acquire { floor, since },
                Command::Renew(held) => Call::Renew(held),
                Command::Plant(held) => Call::Plant(held),
                Command::Resign(held) => Call::Resign(held),
                Command::Trust(held, until) => {
                    let from_now = now.plus(timing.window());
                    let until = if without == Without::EarlyWindow { from_now } else { until };
                    self.trust = Some((held, until));
                    continue;
                }
                Command::Distrust(held) => {
                    self.trust = self.trust.filter(|(trusted, _)| *trusted != held);
                    continue;
                }
            });
        }
        calls
    }
}
