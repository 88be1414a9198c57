use std::sync::Arc;

use ai_market_core::coordinator::Coordinator;
use poem::endpoint::make_sync;
use poem::web::Html;
use poem::{Endpoint, EndpointExt, IntoResponse, Response, Route};
use poem_openapi::OpenApiService;

use super::RouteOptions;
use super::authenticate::Authenticate;
use super::batches::BatchRoutes;
use super::body::BodyLimits;
use super::bounds;
use super::dashboard::{self, Dashboard};
use super::document;
use super::events::EventRoutes;
use super::guard::Guard;
use super::insight::InsightRoutes;
use super::keys::KeyRoutes;
use super::me::MeRoutes;
use super::metrics::Metrics;
use super::operations::OperationRoutes;
use super::shares::Shares;
use super::table::RouteTable;
use super::tasks::TaskRoutes;
use super::tickets::Tickets;
use super::traced::Traced;
use super::workers::WorkerRoutes;

pub(super) type Routes = (
    TaskRoutes,
    WorkerRoutes,
    BatchRoutes,
    InsightRoutes,
    EventRoutes,
    OperationRoutes,
    KeyRoutes,
    MeRoutes,
);

/// Every route of the coordinator, to be served as it is or nested into an application.
///
/// They answer every error in one JSON shape, also for paths and methods that they do not have.
/// Beside the documented routes there are `/openapi.json` and, to try them out, `/docs`; `/` is a
/// dashboard, which works under any prefix.
///
/// Someone must [run](Coordinator::run) the coordinator; a [`Server`](crate::Server) does.
///
/// # Examples
///
/// ```
/// use ai_market_core::coordinator::Coordinator;
/// use ai_market_core::store::MemoryStore;
/// use ai_market_http::{RouteOptions, routes};
/// use poem::Route;
///
/// let coordinator = Coordinator::builder(MemoryStore::new()).build()?;
/// let app = Route::new().nest("/market", routes(coordinator, RouteOptions::new()));
/// # drop(app);
/// # Ok::<(), ai_market_core::coordinator::InvalidSettings>(())
/// ```
pub fn routes(
    coordinator: Coordinator,
    options: RouteOptions,
) -> impl Endpoint<Output = Response> + 'static {
    let metrics = Metrics::new(coordinator.registry());
    let tickets = Tickets::default();
    let limits = coordinator.settings().limits.clone();
    let routes: Routes = (
        TaskRoutes {
            coordinator: coordinator.clone(),
        },
        WorkerRoutes {
            coordinator: coordinator.clone(),
        },
        BatchRoutes {
            coordinator: coordinator.clone(),
            metrics: metrics.clone(),
        },
        InsightRoutes {
            coordinator: coordinator.clone(),
            allow_ops: options.allow_ops,
        },
        EventRoutes {
            coordinator: coordinator.clone(),
            keys: options.keys.clone(),
            tickets: tickets.clone(),
            shares: Shares::of(limits.max_followers, "streams of events"),
        },
        OperationRoutes {
            coordinator,
            metrics: metrics.clone(),
            allow_ops: options.allow_ops,
        },
        KeyRoutes {
            keys: options.keys.clone(),
        },
        MeRoutes {
            keys: options.keys.is_some(),
            allow_ops: options.allow_ops,
        },
    );
    let service = OpenApiService::new(routes, "ai-market", env!("CARGO_PKG_VERSION"))
        .summary("Redundant AI inference on machines that one does not fully trust")
        .description(
            "Clients create tasks, workers answer them, and the coordinator decides by consensus. \
             Unknown fields of a request are ignored. Every error is \
             `{\"error\": {\"code\", \"message\", \"field\"?, \"request_id\"}}`. Every answer names \
             its request in the header `X-Request-Id`, as the request did where that is 1 to 64 of \
             the characters A-Z, a-z, 0-9, `.`, `_` and `-`.",
        );
    let described = service.spec();
    let open = bounds::complete(&described, &limits);
    let document = if options.keys.is_some() {
        document::with_keys(&open)
    } else {
        open
    };
    // The page carries the document within it.
    let html = service.swagger_ui_html().replace(&described, &document);
    let document = make_sync(move |_| document.clone().with_content_type("application/json"));
    let docs = make_sync(move |_| Html(html.clone()));
    let documented = Route::new()
        .at("/openapi.json", poem::get(document))
        .at("/docs", poem::get(docs))
        .nest("/", service)
        .map_to_response();
    let inner = Dashboard::before(documented);
    let beside = [dashboard::PATHS.as_slice(), &["/openapi.json", "/docs"]].concat();
    let table = Arc::new(RouteTable::of::<Routes>(&beside));
    let limits = BodyLimits::from(&options);
    let inner = Guard {
        inner: Authenticate::new(
            inner,
            Arc::clone(&table),
            options.keys,
            tickets,
            options.rate_limit,
        ),
        table,
        metrics,
        limits,
    };
    Traced {
        inner,
        traceparent: options.traceparent,
    }
}
