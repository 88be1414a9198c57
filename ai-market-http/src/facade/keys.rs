use ai_market_core::access::{AccessError, Caller, KeyId, Keys};
use ai_market_core::api::{ApiError, ErrorCode};
use ai_market_core::time::{Clock, SystemClock};
use poem::Request;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use crate::wire::{Field, IssuedBody, KeyBody, KeyRequest, Limit, RotateRequest};

use super::body::JsonBody;
use super::failure::{Errors, Failure};
use super::page::{Page, next_link};

/// How keys are issued and taken back.
#[derive(Debug)]
pub(super) struct KeyRoutes {
    pub(super) keys: Option<Keys>,
}

pub(super) struct CreateErrors;
impl Errors for CreateErrors {
    const CODES: &'static [ErrorCode] = &[
        ErrorCode::Malformed,
        ErrorCode::Forbidden,
        ErrorCode::TooLarge,
        ErrorCode::UnsupportedMediaType,
        ErrorCode::Invalid,
    ];
}

pub(super) struct ListErrors;
impl Errors for ListErrors {
    const CODES: &'static [ErrorCode] = &[ErrorCode::Forbidden, ErrorCode::Invalid];
}

pub(super) struct RotateErrors;
impl Errors for RotateErrors {
    const CODES: &'static [ErrorCode] = &[
        ErrorCode::Malformed,
        ErrorCode::Forbidden,
        ErrorCode::UnknownKey,
        ErrorCode::KeyNotLive,
        ErrorCode::TooLarge,
        ErrorCode::UnsupportedMediaType,
        ErrorCode::Invalid,
    ];
}

pub(super) struct RevokeErrors;
impl Errors for RevokeErrors {
    const CODES: &'static [ErrorCode] = &[ErrorCode::Forbidden, ErrorCode::UnknownKey];
}

const KEYS_PER_PAGE: usize = 100;
const MOST_KEYS_PER_PAGE: usize = 1_000;

#[OpenApi]
impl KeyRoutes {
    /// Issue a key
    ///
    /// The answer is the only one that shows the key: what is kept does not suffice to show it
    /// again. A worker key is for one worker id.
    #[oai(path = "/keys", method = "post", operation_id = "create_key")]
    async fn create(
        &self,
        caller: Data<&Caller>,
        body: JsonBody<KeyRequest>,
    ) -> Result<JsonBody<IssuedBody>, Failure<CreateErrors>> {
        let keys = self.keys(caller.0)?;
        let issued = keys.create(body.0.into()).await.map_err(to_api_error)?;
        tracing::info!(key = %issued.record.id, role = %issued.record.role, "issued a key");
        Ok(JsonBody(issued.into()))
    }

    /// List keys
    ///
    /// Never their secrets. A page holds `limit` keys (100, at most 1,000), ordered by id; the
    /// header Link leads to the next one.
    #[oai(path = "/keys", method = "get", operation_id = "list_keys")]
    async fn list(
        &self,
        request: &Request,
        caller: Data<&Caller>,
        /// How many at most; more than a page may hold count as a full page.
        limit: Query<Option<Field<Limit>>>,
        /// Where the page before ended, as its header Link says.
        cursor: Query<Option<Field<KeyId>>>,
    ) -> Result<Page<Vec<KeyBody>>, Failure<ListErrors>> {
        let keys = self.keys(caller.0)?;
        let limit = limit
            .0
            .map_or(KEYS_PER_PAGE, |limit| limit.0.get())
            .min(MOST_KEYS_PER_PAGE);
        let after = cursor.0.map(|cursor| cursor.0);
        let page = keys.list(after, limit).await.map_err(to_api_error)?;
        let last = page.last().filter(|_| page.len() == limit);
        let link = last.map(|key| next_link(request.original_uri(), &key.id.to_string()));
        let now = SystemClock.now();
        let page = page.into_iter().map(|key| KeyBody::new(key, now)).collect();
        Ok(Page::Ok(JsonBody(page), link))
    }

    /// Put a new key in the place of one
    ///
    /// Both are accepted for `overlap_seconds` (a day). The answer is the only one that shows the
    /// new key.
    #[oai(
        path = "/keys/:id/rotate",
        method = "post",
        operation_id = "rotate_key"
    )]
    async fn rotate(
        &self,
        caller: Data<&Caller>,
        /// The id of the key.
        id: Path<String>,
        body: JsonBody<RotateRequest>,
    ) -> Result<JsonBody<IssuedBody>, Failure<RotateErrors>> {
        let keys = self.keys(caller.0)?;
        let id = key_id(&id.0)?;
        let issued = keys
            .rotate(id, body.0.overlap())
            .await
            .map_err(to_api_error)?;
        tracing::info!(old = %id, new = %issued.record.id, "rotated a key");
        Ok(JsonBody(issued.into()))
    }

    /// Revoke a key for good
    #[oai(path = "/keys/:id", method = "delete", operation_id = "revoke_key")]
    async fn revoke(
        &self,
        caller: Data<&Caller>,
        /// The id of the key.
        id: Path<String>,
    ) -> Result<JsonBody<KeyBody>, Failure<RevokeErrors>> {
        let keys = self.keys(caller.0)?;
        let record = keys.revoke(key_id(&id.0)?).await.map_err(to_api_error)?;
        tracing::info!(key = %record.id, "revoked a key");
        Ok(JsonBody(KeyBody::new(record, SystemClock.now())))
    }
}

impl KeyRoutes {
    /// The keys, for a caller who may manage them.
    fn keys(&self, caller: &Caller) -> Result<&Keys, ApiError> {
        caller.may(ai_market_core::access::Action::ManageKeys)?;
        self.keys.as_ref().ok_or_else(|| {
            let message = "this coordinator asks for no keys, so there are none to manage";
            ApiError::new(ErrorCode::Forbidden, message)
        })
    }
}

fn key_id(text: &str) -> Result<KeyId, ApiError> {
    text.parse().map_err(|error| {
        let message = "there is no such key: a key id has 16 characters a-z and 2-7";
        ApiError::new(ErrorCode::UnknownKey, message).with_source(Box::new(error))
    })
}

fn to_api_error(error: AccessError) -> ApiError {
    let message = error.to_string();
    match error {
        AccessError::UnknownKey(_) => ApiError::new(ErrorCode::UnknownKey, message),
        AccessError::NotLive(_) | AccessError::Rotated { .. } => {
            ApiError::new(ErrorCode::KeyNotLive, message)
        }
        AccessError::WorkerMismatch => ApiError::invalid("worker_id", message),
        AccessError::ExpiresInThePast => ApiError::invalid("expires_at", message),
        AccessError::Store(error) => ApiError::from(error),
        error => ApiError::new(ErrorCode::Internal, message).with_source(error),
    }
}
