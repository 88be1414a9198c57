use std::borrow::Cow;

use ai_market_core::store::{Place, TallyBy, TallyGroup, TallyRow};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ToJSON, Type};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BoardCursor, InvalidCursor, Kind, ModelCursor, PlaceBody, TallyEntry};

/// What has a place on the leaderboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum By {
    Worker,
    Model,
    TaskType,
}

impl By {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Model => "model",
            Self::TaskType => "task_type",
        }
    }

    /// As which of the three tallies are told apart; `None` where it is another way.
    pub(crate) fn of(by: TallyBy) -> Option<Self> {
        let mut all = [Self::Worker, Self::Model, Self::TaskType].into_iter();
        all.find(|of| TallyBy::from(*of) == by)
    }

    /// What the last place of a page was of.
    pub(crate) fn group(self, cursor: &BoardCursor) -> Result<TallyGroup, InvalidCursor> {
        let group = TallyGroup::new();
        Ok(match self {
            Self::Worker => group.with_worker(cursor.name()?),
            Self::Model => group.with_model(cursor.name::<ModelCursor>()?.0),
            Self::TaskType => group.with_task_type(cursor.name()?),
        })
    }

    /// Where a page ended with `group`; `None` where that is of none of the three.
    pub(crate) fn cursor(points: i64, group: &TallyGroup) -> Option<BoardCursor> {
        if let Some(worker) = &group.worker {
            return Some(BoardCursor::new(points, worker));
        }
        if let Some(model) = &group.model {
            return Some(BoardCursor::new(points, &ModelCursor(model.clone())));
        }
        let task_type = group.task_type.as_ref()?;
        Some(BoardCursor::new(points, task_type))
    }
}

impl From<By> for TallyBy {
    fn from(by: By) -> Self {
        match by {
            By::Worker => Self::WORKER,
            By::Model => Self::MODEL,
            By::TaskType => Self::TASK_TYPE,
        }
    }
}

impl Kind for By {
    fn schema() -> MetaSchema {
        let all = [Self::Worker, Self::Model, Self::TaskType];
        MetaSchema {
            enum_items: all.map(|by| Value::from(by.as_str())).to_vec(),
            ..MetaSchema::new("string")
        }
    }
}

/// A place of the leaderboard: that of a worker as it always was, or a tally.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum BoardEntry {
    Place(PlaceBody),
    Tally(Box<TallyEntry>),
}

impl From<Place> for BoardEntry {
    fn from(place: Place) -> Self {
        Self::Place(place.into())
    }
}

impl From<TallyRow> for BoardEntry {
    fn from(row: TallyRow) -> Self {
        Self::Tally(Box::new(row.into()))
    }
}

impl Type for BoardEntry {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        Cow::Borrowed("BoardEntry")
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            any_of: vec![PlaceBody::schema_ref(), TallyEntry::schema_ref()],
            ..MetaSchema::ANY
        }))
    }

    fn register(registry: &mut Registry) {
        PlaceBody::register(registry);
        TallyEntry::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(self.as_raw_value().into_iter())
    }
}

impl ToJSON for BoardEntry {
    fn to_json(&self) -> Option<Value> {
        serde_json::to_value(self).ok()
    }
}
