//! The primary dies, or is drained, again and again: how long until another may write.

use std::time::{Duration, Instant};

use proget_core::conformance::Dice;
use proget_tests::Outcome;
use serde_json::json;

use super::page::{Page, Series};
use super::street::{Hints, Street};

/// Timings that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preset {
    Fast,
    Default,
}

impl Preset {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Default => "default",
        }
    }

    /// So long at most, of a hundred fail-overs all but one.
    fn wanted(self) -> Duration {
        match self {
            Self::Fast => Duration::from_millis(4500),
            Self::Default => Duration::from_secs(8),
        }
    }

    /// A moment is chosen at random within so many milliseconds, so that no phase of beats and renewals is favoured.
    fn spread(self) -> usize {
        match self {
            Self::Fast => 1000,
            Self::Default => 2500,
        }
    }
}

/// One poll of the default timings.
const POLL: Duration = Duration::from_secs(1);

pub(super) async fn kills(
    street: &mut Street,
    preset: Preset,
    samples: usize,
    dice: &mut Dice,
    page: &mut Page,
) -> Outcome {
    street.cluster.configure("a", json!({ "preset": preset.name() })).await?;
    let what = format!("kill-{}", preset.name());
    let (mut planted, mut wrote) = (Series::new(&what), Series::new(&format!("{what}-first-write")));
    let before_all = street.clients.met().await?;
    for number in 0..samples {
        let primary = street.all_is_well().await?;
        pause(dice, preset.spread()).await;
        let before = street.planted().await?;
        let begun = Instant::now();
        street.cluster.kill(&[&primary]).await?;
        // A name of its own: no occurrence of a schedule becomes a job twice.
        let due = format!("{what}-{number}");
        street.want_a_fenced_write(&due).await?;
        planted.add(street.seen(begun, |now| now.term > before.term).await?);
        wrote.add(street.seen(begun, |now| now.term > before.term && now.used > before.used).await?);
        street.want_no_more(&due).await?;
        street.cluster.bring_back(&[&primary]).await?;
        println!("{what} {number}: {primary} died; planted {:?}, wrote {:?}", planted.last(), wrote.last());
    }
    street.all_is_well().await?;
    let met = street.clients.met().await? - before_all;
    for failure in street.clients.failures(before_all.failed).iter().take(5) {
        println!("    {failure}");
    }
    let title = format!("kill -9 of the primary, preset `{}`", preset.name());
    page.series(&format!("{title}: the next has planted its fence"), planted, None);
    page.series(&format!("{title}: the next one's first fenced write"), wrote, Some(preset.wanted()));
    page.errors(&title, samples, met, None);
    Ok(())
}

pub(super) async fn drains(street: &mut Street, samples: usize, dice: &mut Dice, page: &mut Page) -> Outcome {
    street.cluster.configure("a", json!({ "preset": "default" })).await?;
    let (name, wanted) = match street.hints {
        Hints::Given => ("drain-with-messenger", Duration::from_millis(500)),
        // The role is given up, seen within a poll, and planted.
        Hints::Off => ("drain-without-messenger", POLL),
    };
    let mut series = Series::new(name);
    street.all_is_well().await?;
    let before_all = street.clients.met().await?;
    for number in 0..samples {
        let primary = street.all_is_well().await?;
        pause(dice, 1000).await;
        let before = street.planted().await?;
        let begun = Instant::now();
        street.order(&primary, &format!("nodes/{primary}/drain")).await?;
        series.add(street.seen(begun, |now| now.term > before.term).await?);
        street.order(&primary, &format!("nodes/{primary}/resume")).await?;
        println!("{name} {number}: {primary} was drained; planted {:?}", series.last());
    }
    street.all_is_well().await?;
    let met = street.clients.met().await? - before_all;
    for failure in street.clients.failures(before_all.failed).iter().take(5) {
        println!("    {failure}");
    }
    let title = format!("drain of the primary, {}", street.hints.words());
    page.series(&format!("{title}: the next has planted its fence"), series, Some(wanted));
    page.errors(&title, samples, met, Some(0));
    Ok(())
}

async fn pause(dice: &mut Dice, most: usize) {
    tokio::time::sleep(Duration::from_millis(dice.below(most) as u64)).await;
}
