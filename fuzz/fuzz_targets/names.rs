//! The small parsers of core: what they take, they print and read again as the same.

#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use ai_market_core::access::{KeyId, Role};
use ai_market_core::api::ErrorCode;
use ai_market_core::confidence::Confidence;
use ai_market_core::id::{
    EntityType, IdempotencyKey, InstanceId, Label, OwnerId, PolicyName, Reference, RequestId, Tag,
    TaskId, TaskType, WorkerId,
};
use ai_market_core::submission::{ModelIdentity, Scores, Spans};
use ai_market_core::task::{Params, TaskStatus};
use ai_market_core::time::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Text and JSON take the same, and both come back.
fn text<T>(text: &str)
where
    T: FromStr + Display + PartialEq + Debug + Serialize + DeserializeOwned,
    T::Err: Display,
{
    let quoted = serde_json::to_string(text).unwrap();
    let in_json = serde_json::from_str::<T>(&quoted);
    match text.parse::<T>() {
        Ok(value) => {
            assert_eq!(value.to_string().parse().ok().as_ref(), Some(&value));
            assert_eq!(in_json.unwrap(), value);
            json::<T>(quoted.as_bytes());
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert!(in_json.is_err());
        }
    }
}

fn json<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<T>(bytes) {
        let again = serde_json::to_vec(&value).unwrap();
        assert_eq!(serde_json::from_slice::<T>(&again).unwrap(), value);
    }
}

fuzz_target!(|data: &[u8]| {
    json::<Confidence>(data);
    json::<Scores>(data);
    json::<Spans>(data);
    json::<ModelIdentity>(data);
    json::<Params>(data);
    json::<Timestamp>(data);
    json::<TaskId>(data);
    let Ok(data) = std::str::from_utf8(data) else {
        return;
    };
    text::<WorkerId>(data);
    text::<OwnerId>(data);
    text::<InstanceId>(data);
    text::<TaskType>(data);
    text::<Label>(data);
    text::<EntityType>(data);
    text::<IdempotencyKey>(data);
    text::<PolicyName>(data);
    text::<Reference>(data);
    text::<RequestId>(data);
    text::<Tag>(data);
    text::<TaskId>(data);
    text::<KeyId>(data);
    text::<Role>(data);
    text::<Timestamp>(data);
    if let Some(code) = ErrorCode::parse(data) {
        assert_eq!(code.as_str(), data);
    }
    if let Ok(status) = data.parse::<TaskStatus>() {
        assert_eq!(status.as_str(), data);
    }
    if let Ok(seconds) = data.parse::<f64>() {
        assert!((0.0..=1.0).contains(&Confidence::saturating(seconds).get()));
    }
});
