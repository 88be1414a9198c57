use std::collections::BTreeMap;

use ai_market_core::api::{Specialty, WorkerReport, WorkerStatus};
use ai_market_core::confidence::Confidence;
use ai_market_core::id::{OwnerId, TaskType, WorkerId};
use ai_market_core::store::{Presence, WorkerProfile, WorkerSummary};
use ai_market_core::time::Timestamp;
use poem_openapi::Object;
use poem_openapi::registry::MetaSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::model::ShownRegistered;
use super::standing::{StandingBody, TypeStandingBody};
use super::tally::TallyEntry;
use super::{Field, Kind};

/// Whether a worker is there, as the wire writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State(Presence);

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut all = Presence::ALL.into_iter();
        let known = all.find(|presence| presence.as_str() == text);
        let error = || serde::de::Error::custom("active, stale or gone is expected");
        known.map(Self).ok_or_else(error)
    }
}

impl Kind for State {
    fn schema() -> MetaSchema {
        let states = Presence::ALL.map(|presence| Value::from(presence.as_str()));
        MetaSchema {
            enum_items: states.to_vec(),
            ..MetaSchema::new("string")
        }
    }
}

/// A worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Worker")]
pub(crate) struct WorkerBody {
    /// Its id.
    worker_id: Field<WorkerId>,
    /// Whose it is, where that is known.
    #[serde(default)]
    owner: Field<Option<OwnerId>>,
    /// `active`; `stale`, where it missed heartbeats; or `gone`, where it missed so many that its
    /// tasks went to others.
    state: Field<State>,
    /// When it was last heard of, to the second.
    last_seen: Field<Timestamp>,
    /// When it last sent a heartbeat.
    #[serde(default)]
    last_heartbeat: Field<Option<Timestamp>>,
    /// When it counts as stale unless it is heard of.
    stale_at: Field<Timestamp>,
    /// When it counts as gone unless it is heard of.
    gone_at: Field<Timestamp>,
    /// When it first registered.
    registered_at: Field<Timestamp>,
    /// How far it is trusted in all.
    standing: StandingBody,
    /// How far it is trusted with single types, where it is not active.
    standings: Vec<TypeStandingBody>,
    /// The task types that it can do.
    capabilities: Field<Vec<TaskType>>,
    /// The model that it runs for every type without one of its own, where it says so.
    #[serde(default)]
    model: Field<Option<ShownRegistered>>,
    /// The models that it runs for single types.
    models: Field<BTreeMap<TaskType, ShownRegistered>>,
    /// Its points.
    points: Field<i64>,
    /// How many answers of it were accepted in time.
    submissions: Field<u64>,
    /// How many tasks it holds.
    leases: Field<u64>,
}

impl From<WorkerStatus> for WorkerBody {
    fn from(status: WorkerStatus) -> Self {
        let WorkerSummary { profile, .. } = &status.summary;
        let models = profile.models.clone().into_iter();
        Self {
            worker_id: Field(profile.worker.clone()),
            owner: Field(profile.owner.clone()),
            state: Field(State(status.presence)),
            last_seen: Field(status.summary.last_seen),
            last_heartbeat: Field(status.summary.last_heartbeat),
            stale_at: Field(status.stale_at),
            gone_at: Field(status.gone_at),
            registered_at: Field(status.summary.registered_at),
            standings: TypeStandingBody::list(&status.summary.standings),
            standing: status.standing.into(),
            capabilities: Field(profile.capabilities.iter().cloned().collect()),
            model: Field(profile.model.clone().map(Into::into)),
            models: Field(models.map(|(name, model)| (name, model.into())).collect()),
            points: Field(status.summary.points),
            submissions: Field(status.summary.submissions),
            leases: Field(status.summary.leases),
        }
    }
}

impl From<WorkerBody> for WorkerStatus {
    fn from(body: WorkerBody) -> Self {
        let mut profile = WorkerProfile::new(body.worker_id.0, body.capabilities.0);
        profile.owner = body.owner.0;
        profile.model = body.model.0.map(|model| model.0.0);
        let models = body.models.0.into_iter();
        profile.models = models.map(|(name, model)| (name, model.0.0)).collect();
        let mut summary = WorkerSummary::new(profile, body.registered_at.0);
        summary.last_seen = body.last_seen.0;
        summary.last_heartbeat = body.last_heartbeat.0;
        summary.gone = body.state.0.0 == Presence::Gone;
        summary.standings = TypeStandingBody::standings(body.standings);
        summary.points = body.points.0;
        summary.submissions = body.submissions.0;
        summary.leases = body.leases.0;
        let (stale_at, gone_at) = (body.stale_at.0, body.gone_at.0);
        let mut status = Self::new(summary, body.state.0.0, stale_at, gone_at);
        status.standing = body.standing.into();
        status
    }
}

/// A task type for which a worker agrees with the consensus clearly more often than others do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Specialty")]
struct SpecialtyBody {
    /// The type.
    task_type: Field<TaskType>,
    /// The share of its answers that agree.
    agreement: Field<Confidence>,
    /// The share of all others' answers that agree.
    others: Field<Confidence>,
}

/// A worker with how it did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "WorkerDetails")]
pub(crate) struct WorkerDetailsBody {
    #[serde(flatten)]
    #[oai(flatten)]
    worker: WorkerBody,
    /// How it did, by model and task type; most points first.
    tallies: Vec<TallyEntry>,
    /// The types for which it agrees with the consensus clearly more often than others do, the
    /// largest advantage first.
    specialization: Vec<SpecialtyBody>,
}

impl From<WorkerReport> for WorkerDetailsBody {
    fn from(report: WorkerReport) -> Self {
        let specialization = report.specialization.into_iter();
        let specialization = specialization.map(|specialty| SpecialtyBody {
            task_type: Field(specialty.task_type),
            agreement: Field(Confidence::saturating(specialty.agreement)),
            others: Field(Confidence::saturating(specialty.others)),
        });
        Self {
            worker: report.status.into(),
            tallies: report.tallies.into_iter().map(Into::into).collect(),
            specialization: specialization.collect(),
        }
    }
}

impl From<WorkerDetailsBody> for WorkerReport {
    fn from(body: WorkerDetailsBody) -> Self {
        let tallies = body.tallies.into_iter().map(Into::into).collect();
        let mut report = Self::new(body.worker.into(), tallies, &[]);
        let specialization = body.specialization.into_iter().map(|of| {
            let (agreement, others) = (of.agreement.0.get(), of.others.0.get());
            Specialty::new(of.task_type.0, agreement, others)
        });
        report.specialization = specialization.collect();
        report
    }
}
