use ai_market_core::id::{InstanceId, OwnerId};
use ai_market_core::store::LeaseRow;
use ai_market_core::submission::ModelIdentity;

use crate::error::Error;

use super::{name, time};

/// The columns of a lease: worker, times, owner, instance, request id, the number of the model, grace.
pub(crate) type LeaseColumns = (
    (String, i64, i64),
    (
        Option<String>,
        Option<String>,
        Option<String>,
        Option<i64>,
        i64,
    ),
);

pub(super) fn owner(text: Option<String>) -> Result<Option<OwnerId>, Error> {
    text.map(|text| name("an owner", text)).transpose()
}

pub(super) fn instance(text: Option<String>) -> Result<Option<InstanceId>, Error> {
    text.map(|text| name("an instance", text)).transpose()
}

/// A lease from its columns; `model` finds the model of a number.
pub(crate) fn lease(
    columns: LeaseColumns,
    model: impl FnOnce(i64) -> Result<ModelIdentity, Error>,
) -> Result<LeaseRow, Error> {
    let ((worker, claimed_at, until), (owned_by, run, request, number, grace)) = columns;
    let worker = name("a worker id", worker)?;
    let mut lease = LeaseRow::new(worker, time(claimed_at), time(until));
    lease.owner = owner(owned_by)?;
    lease.instance = instance(run)?;
    lease.request = request.map(|text| name("a request id", text)).transpose()?;
    lease.model = number.map(model).transpose()?;
    lease.grace = grace != 0;
    Ok(lease)
}
