use crate::api::{ApiError, ErrorCode};
use crate::id::{OwnerId, WorkerId};

use super::{Action, Principal, Role};

/// Whoever asks something of a market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Somebody in a market that asks nobody who they are.
    Anyone,
    /// The holder of a key.
    Holder(Principal),
}

impl Caller {
    /// Checks that the caller may do something.
    ///
    /// # Errors
    ///
    /// [`Forbidden`](ErrorCode::Forbidden) when its key does not allow it.
    pub fn may(&self, action: Action) -> Result<(), ApiError> {
        match self {
            Self::Anyone => Ok(()),
            Self::Holder(holder) if action.is_for(holder.role) => Ok(()),
            Self::Holder(holder) => {
                let message = format!("a key of role {} does not allow this", holder.role);
                Err(ApiError::new(ErrorCode::Forbidden, message))
            }
        }
    }

    /// Checks that the caller may act as `worker`.
    ///
    /// # Errors
    ///
    /// [`Forbidden`](ErrorCode::Forbidden) when its key is for another worker, or for none.
    pub fn may_act_as(&self, worker: &WorkerId) -> Result<(), ApiError> {
        self.may(Action::Work)?;
        match self {
            Self::Anyone => Ok(()),
            Self::Holder(holder) if holder.worker.as_ref() == Some(worker) => Ok(()),
            Self::Holder(_) => {
                let message = "this key is for another worker id";
                Err(ApiError::new(ErrorCode::Forbidden, message).with_field("worker_id"))
            }
        }
    }

    /// Checks that the caller may cancel a task that was created with a key of the owner `client`.
    ///
    /// # Errors
    ///
    /// [`Forbidden`](ErrorCode::Forbidden) unless its key is an admin key or a client key of that owner.
    pub fn may_cancel(&self, client: Option<&OwnerId>) -> Result<(), ApiError> {
        self.may(Action::CancelTasks)?;
        match self {
            Self::Anyone => Ok(()),
            Self::Holder(holder) if holder.role == Role::Admin => Ok(()),
            Self::Holder(holder) if client == Some(&holder.owner) => Ok(()),
            Self::Holder(_) => {
                let message = "only an admin or the owner who created the task can cancel it";
                Err(ApiError::new(ErrorCode::Forbidden, message))
            }
        }
    }

    /// Whose key it is; `None` where nobody is asked.
    #[must_use]
    pub const fn owner(&self) -> Option<&OwnerId> {
        match self {
            Self::Anyone => None,
            Self::Holder(holder) => Some(&holder.owner),
        }
    }

    /// Whether the caller holds an admin key.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        matches!(self, Self::Holder(holder) if holder.role == Role::Admin)
    }
}
