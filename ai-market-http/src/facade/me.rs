use ai_market_core::access::{Action, Caller};
use ai_market_core::api::ErrorCode;
use ai_market_core::id::{OwnerId, WorkerId};
use poem::web::Data;
use poem_openapi::{Object, OpenApi};
use serde::Serialize;

use crate::wire::Field;

use super::body::JsonBody;
use super::failure::{Errors, Failure};
use super::operations::check_allowed;

/// What callers ask of themselves.
#[derive(Debug)]
pub(super) struct MeRoutes {
    /// Whether keys are asked for.
    pub(super) keys: bool,
    pub(super) allow_ops: bool,
}

/// What a caller is and may do.
#[derive(Debug, Serialize, Object)]
#[oai(rename = "Me")]
pub(super) struct MeBody {
    /// Whether the coordinator asks for keys.
    keys: bool,
    /// The role of the key: `admin`, `client` or `worker`.
    role: Field<Option<String>>,
    /// The worker that the key acts as.
    worker_id: Field<Option<WorkerId>>,
    /// Whose key it is.
    owner: Field<Option<OwnerId>>,
    /// Whether the caller may end stale leases, suspend and reinstate workers, and forget everything.
    operations: bool,
}

pub(super) struct MeErrors;
impl Errors for MeErrors {
    const CODES: &'static [ErrorCode] = &[];
}

#[OpenApi]
impl MeRoutes {
    /// Tell the caller who it is here
    #[oai(path = "/me", method = "get", operation_id = "me")]
    async fn me(&self, caller: Data<&Caller>) -> Result<JsonBody<MeBody>, Failure<MeErrors>> {
        let caller = caller.0;
        let allowed = check_allowed(self.allow_ops, caller).and(caller.may(Action::Operate));
        let holder = match caller {
            Caller::Anyone => None,
            Caller::Holder(holder) => Some(holder),
        };
        Ok(JsonBody(MeBody {
            keys: self.keys,
            role: Field(holder.map(|holder| holder.role.to_string())),
            worker_id: Field(holder.and_then(|holder| holder.worker.clone())),
            owner: Field(holder.map(|holder| holder.owner.clone())),
            operations: allowed.is_ok(),
        }))
    }
}
