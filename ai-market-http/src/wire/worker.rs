use std::collections::BTreeMap;
use std::time::Duration;

use ai_market_core::api::{Heartbeat, HeartbeatReply, ReleaseRequest, Terms};
use ai_market_core::id::{InstanceId, TaskId, TaskType, WorkerId};
use ai_market_core::market::ReleaseReason;
use ai_market_core::store::WorkerProfile;
use ai_market_core::time::Timestamp;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use super::capabilities::CapabilitiesJson;
use super::model::RegisteredModel;
use super::{Field, Seconds};

/// What a worker says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Registration")]
pub(crate) struct RegisterRequest {
    /// Its id.
    worker_id: Field<WorkerId>,
    /// A random id of this run of the process, so that a restart ends the leases of the run before.
    #[serde(default)]
    instance: Field<Option<InstanceId>>,
    /// The task types that it can do; `sentiment` where this and `capabilities_json` are absent.
    #[serde(default)]
    capabilities: Field<Option<Vec<TaskType>>>,
    /// The task types as JSON in a string, as workers of the original system send them.
    #[serde(default, skip_serializing_if = "is_absent")]
    capabilities_json: Field<Option<CapabilitiesJson>>,
    /// The model that it runs for every type without one of its own.
    #[serde(default)]
    model: Field<Option<RegisteredModel>>,
    /// The models that it runs for single types, each of which is among its task types.
    #[serde(default, skip_serializing_if = "is_unsaid")]
    models: Field<Option<BTreeMap<TaskType, RegisteredModel>>>,
}

fn is_absent(field: &Field<Option<CapabilitiesJson>>) -> bool {
    field.0.is_none()
}

fn is_unsaid(field: &Field<Option<BTreeMap<TaskType, RegisteredModel>>>) -> bool {
    field.0.is_none()
}

impl From<RegisterRequest> for WorkerProfile {
    fn from(request: RegisterRequest) -> Self {
        let in_json = request.capabilities_json.0.and_then(|json| json.0);
        let types = request.capabilities.0.or(in_json);
        let types = types.unwrap_or_else(|| vec![TaskType::sentiment()]);
        let mut profile = Self::new(request.worker_id.0, types);
        profile.instance = request.instance.0;
        profile.model = request.model.0.map(|model| model.0);
        let models = request.models.0.unwrap_or_default().into_iter();
        profile.models = models.map(|(name, model)| (name, model.0)).collect();
        profile
    }
}

impl From<WorkerProfile> for RegisterRequest {
    /// Leaves the owner out: that is for the coordinator to know, not for the worker to say.
    fn from(profile: WorkerProfile) -> Self {
        Self {
            worker_id: Field(profile.worker),
            instance: Field(profile.instance),
            capabilities: Field(Some(profile.capabilities.into_iter().collect())),
            capabilities_json: Field(None),
            model: Field(profile.model.map(RegisteredModel)),
            models: Field((!profile.models.is_empty()).then(|| {
                let models = profile.models.into_iter();
                let models = models.map(|(name, model)| (name, RegisteredModel(model)));
                models.collect()
            })),
        }
    }
}

/// What the coordinator asks of its workers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Terms")]
pub(crate) struct TermsBody {
    ok: bool,
    /// How long a lease lasts unless it is renewed.
    #[serde(default)]
    lease_seconds: Field<Option<Seconds>>,
    /// How often the worker is to send a heartbeat.
    #[serde(default)]
    heartbeat_seconds: Field<Option<Seconds>>,
}

impl From<Terms> for TermsBody {
    fn from(terms: Terms) -> Self {
        Self {
            ok: true,
            lease_seconds: Field(Some(Seconds(terms.lease))),
            heartbeat_seconds: Field(Some(Seconds(terms.heartbeat))),
        }
    }
}

impl TermsBody {
    /// How long a lease is taken to last where the coordinator does not say.
    pub(crate) const ORIGINAL_LEASE: Duration = Duration::from_secs(60);

    /// The terms; usual ones where the coordinator does not say.
    pub(crate) fn into_terms(self) -> Terms {
        let lease = self.lease_seconds.0;
        let lease = lease.map_or(Self::ORIGINAL_LEASE, |lease| lease.0);
        let heartbeat = self.heartbeat_seconds.0.map_or(lease / 4, |beat| beat.0);
        Terms::new(lease, heartbeat)
    }
}

/// A worker says that it is alive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Heartbeat")]
pub(crate) struct HeartbeatRequest {
    /// Who says so.
    worker_id: Field<WorkerId>,
    /// Which run of it.
    #[serde(default)]
    instance: Field<Option<InstanceId>>,
    /// The tasks whose leases are renewed; where it is absent, all that the worker holds, each to
    /// at most ten leases after its claim.
    #[serde(default)]
    task_ids: Field<Option<Vec<TaskId>>>,
}

impl From<HeartbeatRequest> for Heartbeat {
    fn from(request: HeartbeatRequest) -> Self {
        let mut heartbeat = Self::new(request.worker_id.0);
        heartbeat.instance = request.instance.0;
        heartbeat.tasks = request.task_ids.0;
        heartbeat
    }
}

impl From<Heartbeat> for HeartbeatRequest {
    fn from(heartbeat: Heartbeat) -> Self {
        Self {
            worker_id: Field(heartbeat.worker),
            instance: Field(heartbeat.instance),
            task_ids: Field(heartbeat.tasks),
        }
    }
}

/// The heartbeat was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "HeartbeatReply")]
pub(crate) struct HeartbeatBody {
    ok: bool,
    /// The coordinator's time.
    ts: Field<Timestamp>,
    /// The named tasks on which the worker holds no lease any more; it should drop them.
    #[serde(default)]
    gone: Field<Vec<TaskId>>,
}

impl From<HeartbeatReply> for HeartbeatBody {
    fn from(reply: HeartbeatReply) -> Self {
        Self {
            ok: true,
            ts: Field(reply.now),
            gone: Field(reply.gone),
        }
    }
}

impl From<HeartbeatBody> for HeartbeatReply {
    fn from(body: HeartbeatBody) -> Self {
        Self::new(body.ts.0, body.gone.0)
    }
}

/// A worker gives leases back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Release")]
pub(crate) struct LeaveRequest {
    /// Who gives them back.
    worker_id: Field<WorkerId>,
    /// Which run of it.
    #[serde(default)]
    instance: Field<Option<InstanceId>>,
    /// The tasks; those that it does not hold are passed over. Where it is absent, all that it
    /// holds.
    #[serde(default)]
    task_ids: Field<Option<Vec<TaskId>>>,
    /// Why the worker could not answer them; where it is absent, it merely will not get to them.
    #[serde(default)]
    failed: Field<Option<String>>,
}

impl From<LeaveRequest> for ReleaseRequest {
    fn from(request: LeaveRequest) -> Self {
        let mut release = Self::all(request.worker_id.0);
        release.tasks = request.task_ids.0;
        release.instance = request.instance.0;
        match request.failed.0 {
            Some(reason) => release.failed(reason),
            None => release,
        }
    }
}

impl From<ReleaseRequest> for LeaveRequest {
    fn from(release: ReleaseRequest) -> Self {
        Self {
            worker_id: Field(release.worker),
            instance: Field(release.instance),
            task_ids: Field(release.tasks),
            failed: Field(match release.reason {
                ReleaseReason::Returned => None,
                ReleaseReason::Failed(reason) => Some(reason),
            }),
        }
    }
}

/// How many leases were given back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(rename = "Released")]
pub(crate) struct LeaveBody {
    /// Those that the worker held and holds no longer.
    pub(crate) released: Field<u64>,
}
