//! What the instance has decided about its cluster, read from the catalogue's settings.
//!
//! Settings are rows of names and values that every node reads at its next beat. A value that
//! nobody can read (a newer build wrote it, a hand did) is told and passed over, never guessed.

use crate::election::{BadTiming, Preset, Timing};
use proget_core::catalog::SettingRow;
use proget_core::cluster::NodeName;
use proget_core::ids::Incarnation;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The name of the setting that holds [`TimingSetting`] as JSON.
pub const TIMING: &str = "cluster.timing";

/// The name of the setting that holds how many nodes may be here; absent: any number.
pub const MAX_SERVERS: &str = "cluster.max-servers";

/// The name of the setting that holds after how many seconds a departed node is forgotten.
pub const FORGET_AFTER: &str = "cluster.forget-after";

/// After this time a departed node is forgotten, unless the setting says otherwise.
const FORGET_AFTER_DEFAULT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Is a node's Service meant to run?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceWish {
    /// Yes, if the mode lets it.
    #[default]
    Running,
    /// An operator stopped it; starting it again is one command.
    Stopped,
    /// An operator disabled it; it must be enabled before it can be started.
    Disabled,
}

impl ServiceWish {
    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Disabled => "disabled",
        }
    }

    fn read(written: &str) -> Option<Self> {
        [Self::Running, Self::Stopped, Self::Disabled].into_iter().find(|wish| wish.as_str() == written)
    }
}

/// The name of the setting that holds a node's [`ServiceWish`]; it outlives processes.
#[must_use]
pub fn service_of(node: &NodeName) -> String {
    format!("node.{node}.service")
}

/// The name of the setting that holds which processes of a node are to drain, separated by spaces. A
/// restarted one is another process, so it serves.
#[must_use]
pub fn drain_of(node: &NodeName) -> String {
    format!("node.{node}.drain")
}

/// Timings as they are written: a preset, and single values in milliseconds over it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TimingSetting {
    /// `fast`, `default` or `patient`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// [`Timing::lease`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<u64>,
    /// [`Timing::renew`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew: Option<u64>,
    /// [`Timing::margin`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<u64>,
    /// [`Timing::poll`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll: Option<u64>,
    /// [`Timing::call`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<u64>,
    /// [`Timing::beat`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beat: Option<u64>,
    /// [`Timing::late`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<u64>,
    /// [`Timing::lost`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
}

/// Why timings cannot be what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSetting {
    /// The preset has no such name.
    #[error("there is no preset '{0}'; there are 'fast', 'default' and 'patient'")]
    NoPreset(String),
    /// The values break a rule.
    #[error(transparent)]
    Timing(#[from] BadTiming),
}

impl TimingSetting {
    /// The timings that this means.
    ///
    /// # Errors
    /// A preset that does not exist, or a rule that the values break.
    pub fn timing(&self) -> Result<Timing, BadSetting> {
        let name = self.preset.as_deref().unwrap_or(Preset::Default.name());
        let preset = Preset::named(name).ok_or_else(|| BadSetting::NoPreset(name.to_owned()))?;
        let base = preset.timing();
        let over = |value: Option<u64>, base: Duration| value.map_or(base, Duration::from_millis);
        let timing = Timing {
            lease: over(self.lease, base.lease),
            renew: over(self.renew, base.renew),
            margin: over(self.margin, base.margin),
            poll: over(self.poll, base.poll),
            call: over(self.call, base.call),
            beat: over(self.beat, base.beat),
            late: over(self.late, base.late),
            lost: over(self.lost, base.lost),
        };
        Ok(timing.checked()?)
    }
}

/// All that the instance has decided about its cluster, except for its mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSettings {
    /// How long things take.
    pub timing: Timing,
    /// How many nodes may be here.
    pub max_servers: Option<u32>,
    /// After this time a departed node is forgotten.
    pub forget_after: Duration,
    /// The fingerprint of the key that seals, if one does.
    pub sealing_key: Option<String>,
    services: BTreeMap<NodeName, ServiceWish>,
    drains: BTreeSet<(NodeName, Incarnation)>,
    /// What could not be read, in words for operators.
    pub unreadable: Vec<String>,
}

impl Default for ClusterSettings {
    fn default() -> Self {
        Self {
            timing: Timing::default(),
            max_servers: None,
            forget_after: FORGET_AFTER_DEFAULT,
            sealing_key: None,
            services: BTreeMap::new(),
            drains: BTreeSet::new(),
            unreadable: Vec::new(),
        }
    }
}

impl ClusterSettings {
    /// What these rows mean. Rows of others are passed over.
    #[must_use]
    pub fn read(rows: &[SettingRow]) -> Self {
        let mut settings = Self::default();
        for SettingRow { name, value } in rows {
            if settings.take(name, value).is_none() {
                settings.unreadable.push(format!("the setting {name} cannot be read; it is passed over"));
            }
        }
        settings
    }

    /// Takes one row; `None` if it cannot be read.
    fn take(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            TIMING => {
                self.timing = serde_json::from_str::<TimingSetting>(value).ok()?.timing().ok()?;
            }
            MAX_SERVERS => self.max_servers = Some(value.parse().ok()?),
            proget_core::keys::SEALING => self.sealing_key = Some(value.to_owned()),
            FORGET_AFTER => self.forget_after = Duration::from_secs(value.parse().ok()?),
            _ => {
                let Some(rest) = name.strip_prefix("node.") else { return Some(()) };
                if let Some(node) = rest.strip_suffix(".service") {
                    self.services.insert(NodeName::new(node).ok()?, ServiceWish::read(value)?);
                } else if let Some(node) = rest.strip_suffix(".drain") {
                    let node = NodeName::new(node).ok()?;
                    for process in value.split_whitespace() {
                        self.drains.insert((node.clone(), Incarnation(process.parse().ok()?)));
                    }
                }
            }
        }
        Some(())
    }

    /// Is this node's Service meant to run?
    #[must_use]
    pub fn service(&self, node: &NodeName) -> ServiceWish {
        self.services.get(node).copied().unwrap_or_default()
    }

    /// Is this process meant to drain?
    #[must_use]
    pub fn drains(&self, node: &NodeName, process: Incarnation) -> bool {
        self.drains.contains(&(node.clone(), process))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: impl Into<String>, value: impl Into<String>) -> SettingRow {
        SettingRow { name: name.into(), value: value.into() }
    }

    #[test]
    fn settings_are_read_and_what_cannot_be_read_is_told_and_passed_over() {
        let (node, me) = (NodeName::new("web01.example").unwrap(), Incarnation::random());
        let read = ClusterSettings::read(&[
            row(TIMING, r#"{"preset":"fast","lost":5000}"#),
            row(MAX_SERVERS, "five"),
            row(FORGET_AFTER, "60"),
            row(service_of(&node), "disabled"),
            row(drain_of(&node), me.to_string()),
            row("somebody.else", "what they like"),
        ]);
        assert_eq!(read.timing.lease, Preset::Fast.timing().lease);
        assert_eq!(read.timing.lost, Duration::from_secs(5));
        assert_eq!((read.max_servers, read.forget_after), (None, Duration::from_secs(60)));
        assert_eq!(read.service(&node), ServiceWish::Disabled);
        assert!(read.drains(&node, me) && !read.drains(&node, Incarnation::random()));
        assert_eq!(read.unreadable, ["the setting cluster.max-servers cannot be read; it is passed over"]);
    }

    #[test]
    fn timings_that_break_a_rule_are_refused_with_the_rule() {
        let refused = |json: &str| {
            serde_json::from_str::<TimingSetting>(json).unwrap().timing().unwrap_err().to_string()
        };
        assert!(refused(r#"{"preset":"quick"}"#).contains("'fast', 'default' and 'patient'"));
        assert!(refused(r#"{"lease":100}"#).contains("at least half a second"));
        assert!(serde_json::from_str::<TimingSetting>(r#"{"leese":100}"#).is_err());
    }
}
