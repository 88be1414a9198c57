use std::marker::PhantomData;

use ai_market_core::api::ApiError;
use ai_market_core::coordinator::Limits;
use poem::{Request, RequestBody};
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde::de::{DeserializeOwned, IgnoredAny};

use super::body::{self, BodyLimits, JsonBody};
use super::failure::Refusal;
use super::split;

/// A JSON object with a list of items, each of which is read by itself: a bad one is an error of its
/// own.
///
/// `T` is what the OpenAPI document shows. Nothing but the items and the fields that are asked for
/// is read, so that a large body costs no more memory than the text of it and what is made of the
/// items.
#[derive(Debug)]
pub(super) struct BatchBody<T> {
    json: String,
    limits: BodyLimits,
    shown: PhantomData<T>,
}

impl<T> BatchBody<T> {
    fn new(bytes: Vec<u8>, limits: BodyLimits) -> Result<Self, ApiError> {
        serde_json::from_slice::<IgnoredAny>(&bytes).map_err(body::not_json)?;
        let json = String::from_utf8(bytes).map_err(body::not_json)?;
        if !json.trim_start().starts_with('{') {
            return Err(body::not_an_object());
        }
        Ok(Self {
            json,
            limits,
            shown: PhantomData,
        })
    }

    /// The field `name` of the body, as a body that has no other one.
    pub(super) fn only<F: DeserializeOwned>(&self, name: &'static str) -> Result<F, ApiError> {
        let json = split::field(self.json.trim(), name);
        let only = json.map(|json| format!("{{\"{name}\":{json}}}"));
        let only = only.as_deref().unwrap_or("{}");
        self.limits.parse(only.as_bytes())
    }

    /// The items of the list `name`, in order.
    ///
    /// # Errors
    ///
    /// `invalid` when there is no such list, and `too_large` when it is longer than the limit.
    pub(super) fn list(&self, name: &'static str, limits: &Limits) -> Result<Items<'_>, ApiError> {
        let json = split::field(self.json.trim(), name).filter(|json| *json != "null");
        let json =
            json.ok_or_else(|| ApiError::invalid(name, format!("missing field `{name}`")))?;
        let items =
            split::items(json).ok_or_else(|| ApiError::invalid(name, "a list is expected"))?;
        limits.check_batch(name, items.len())?;
        Ok(Items {
            items,
            limits: self.limits,
        })
    }
}

/// The items of a list, not read yet.
#[derive(Debug)]
pub(super) struct Items<'a> {
    items: Vec<&'a str>,
    limits: BodyLimits,
}

impl Items<'_> {
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Each item, or the error that a request with it as its body would be refused with.
    pub(super) fn read<I: DeserializeOwned>(self) -> impl Iterator<Item = Result<I, ApiError>> {
        let Self { items, limits } = self;
        let items = items.into_iter();
        items.map(move |item| limits.parse(item.as_bytes()))
    }
}

impl<'a, T: Type> ApiExtractor<'a> for BatchBody<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    const PARAM_IS_REQUIRED: bool = true;

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: vec![MetaMediaType {
                content_type: JsonBody::<T>::CONTENT_TYPE,
                schema: T::schema_ref(),
            }],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let limits = BodyLimits::of(request);
        let bytes = limits.take(request, body).await?;
        Ok(Self::new(bytes, limits).map_err(Refusal)?)
    }
}
