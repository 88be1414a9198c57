use crate::event::Event;
use crate::store::{Needs, TransactionError};
use crate::time::Timestamp;

use super::operation::Operation;
use super::{ClaimFrontier, Context, Report};

/// Everything is forgotten.
pub(super) struct Clear;

impl Operation for Clear {
    type Outcome = ();

    fn needs(&self, _frontier: &mut ClaimFrontier) -> Needs {
        Needs::new().with_everything()
    }

    fn run(&mut self, cx: &mut Context<'_>) -> Result<Option<()>, TransactionError> {
        cx.tx.clear()?;
        cx.log(Event::MarketReset {})?;
        Ok(Some(()))
    }

    fn remember(&mut self, frontier: &mut ClaimFrontier, _now: Timestamp) {
        frontier.clear();
    }

    fn report<'a>(&'a self, (): &'a ()) -> Report<'a> {
        Report::Cleared
    }
}
