use ai_market_core::id::{TaskType, WorkerId};
use ai_market_core::store::Tally;
use ai_market_core::submission::ModelIdentity;

use crate::error::Error;
use crate::sql::Connection;
use crate::sql::statements::{
    AddToTally, AddToTallyAndTypePoints, AddToTypePoints, InsertTally, MarkTallied, ModelBySeq,
};

use super::from_json;
use super::sums::columns;

/// The number of the model of answers that do not say theirs.
pub(crate) const NO_MODEL: i64 = 0;

impl Connection {
    /// Adds to the tally of a worker's answers to tasks of a type with a model, and to the worker's
    /// points for the type.
    pub(crate) fn add_to_tally(
        &mut self,
        worker: &WorkerId,
        task_type: &TaskType,
        model: i64,
        tally: &Tally,
    ) -> Result<(), Error> {
        let points = tally.points;
        let (submissions, late, agreements, disagreements, lost, timed, latency) = columns(tally);
        if points != 0 {
            let changed = self.execute::<AddToTallyAndTypePoints>((
                points,
                points,
                submissions,
                late,
                agreements,
                disagreements,
                lost,
                timed,
                latency,
                worker,
                task_type,
                model,
            ))?;
            if changed > 0 {
                return Ok(());
            }
        }
        let changed = self.execute::<AddToTally>((
            points,
            submissions,
            late,
            agreements,
            disagreements,
            lost,
            timed,
            latency,
            worker,
            task_type,
            model,
        ))?;
        if changed > 0 && points == 0 {
            return Ok(());
        }
        // Another row has the points for the type, unless this is the first one.
        let elsewhere = self.execute::<AddToTypePoints>((points, worker, task_type))? > 0;
        if changed == 0 {
            self.execute::<InsertTally>((
                (!elsewhere).then_some(points),
                points,
                submissions,
                late,
                agreements,
                disagreements,
                lost,
                timed,
                latency,
                worker,
                task_type,
                model,
            ))?;
            self.execute::<MarkTallied>((worker,))?;
        }
        Ok(())
    }

    /// The model that votes name by a number.
    pub(crate) fn model(&mut self, seq: i64) -> Result<ModelIdentity, Error> {
        let row = self.row::<ModelBySeq, (String,), _>((seq,))?;
        let Some((identity,)) = row else {
            return Err(Error::corrupt(
                "the number of a model",
                "there is none of it",
            ));
        };
        from_json("a model identity", &identity)
    }
}
