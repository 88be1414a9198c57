//! A headless Chromium that a test drives.

use std::cell::{Ref, RefCell};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::common::capabilities::chromium::ChromiumLikeCapabilities;
use thirtyfour::prelude::*;
use thirtyfour::{ChromeCapabilities, LoggingPrefsLogLevel};

use crate::driver::Driver;
use crate::journal::Journal;

/// Longer than any page takes for anything; what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at a page that is waited for.
const PAUSE: Duration = Duration::from_millis(25);

const FLAGS: [&str; 12] = [
    "--headless=new",
    // Containers have no user namespaces, and the pages are ours.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--window-size=1200,900",
];

/// What a page is shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Light,
    Dark,
    Phone,
}

/// A browser with one tab and a profile of its own.
///
/// It ends when this is dropped, in a test that fails too.
#[derive(Debug)]
pub(crate) struct Browser {
    // Dropped first, so that nobody writes into the profile when it is removed.
    _driver: Driver,
    session: WebDriver,
    journal: RefCell<Journal>,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser where there is one.
    pub(crate) async fn start() -> Option<Self> {
        let driver = Driver::start()?;
        let profile = tempfile::tempdir().expect("a folder for the profile");
        let capabilities = capabilities(&profile).expect("they are JSON");
        // The client of the driver wants one, though it speaks plain HTTP only. Another test may have
        // chosen it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = format!("http://127.0.0.1:{}", driver.port);
        let session = WebDriver::builder(url, capabilities)
            .request_timeout(PATIENCE)
            .await
            .expect("chromium starts");
        // The driver ends everything. What would end the session when it is dropped waits for
        // an answer in the thread that should receive it.
        session.clone().leak().expect("it has not been ended");
        let browser = Self {
            _driver: driver,
            session,
            journal: Journal::default().into(),
            _profile: profile,
        };
        // What the browser shows at first is not what is tested.
        browser.open("about:blank").await;
        browser.forget().await;
        Some(browser)
    }

    /// Loads a page.
    pub(crate) async fn open(&self, url: &str) {
        self.session.goto(url).await.expect("the page loads");
    }

    /// Calls a command of the DevTools protocol.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let sent = self.session.cdp().send_raw(command, parameters).await;
        sent.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Shows the page as somebody sees it who prefers this.
    pub(crate) async fn look(&self, look: Look) {
        let scheme = if look == Look::Dark { "dark" } else { "light" };
        let features = [
            ("prefers-color-scheme", scheme),
            // What moves has no colours that can be checked.
            ("prefers-reduced-motion", "reduce"),
        ];
        let features = features.map(|(name, value)| json!({"name": name, "value": value}));
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features}))
            .await;
        let phone = look == Look::Phone;
        let (width, height) = if phone { (390, 844) } else { (1200, 900) };
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
    }

    /// What a script returns that gets these arguments.
    pub(crate) async fn run<T: DeserializeOwned>(&self, script: &str, arguments: Vec<Value>) -> T {
        let returned = self.session.execute(script, arguments).await;
        let returned = returned.unwrap_or_else(|error| panic!("{script}: {error}"));
        returned.convert().expect("a value of this type")
    }

    /// What a script returns once its promise is kept.
    pub(crate) async fn run_async<T: DeserializeOwned>(
        &self,
        script: &str,
        arguments: Vec<Value>,
    ) -> T {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             (async () => {{ {script} }})().then(done, error => done(String(error)));"
        );
        let returned = self.session.execute_async(&script, arguments).await;
        let returned = returned.unwrap_or_else(|error| panic!("{script}: {error}"));
        returned.convert().expect("a value of this type")
    }

    /// Waits until an expression is true.
    pub(crate) async fn until(&self, expression: &str) {
        let script = format!("return Boolean({expression})");
        let begin = Instant::now();
        while !self.run::<bool>(&script, vec![]).await {
            if begin.elapsed() > PATIENCE {
                let shown: String = self.run("return document.body.innerText", vec![]).await;
                self.read().await;
                let complaints = &self.journal.borrow().complaints;
                panic!("it never is: {expression}\n{complaints:#?}\nThe page shows:\n{shown}");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether an element is there and shown.
    pub(crate) async fn is_shown(&self, selector: &str) -> bool {
        let script = "return Boolean(document.querySelector(arguments[0])?.checkVisibility())";
        self.run(script, vec![json!(selector)]).await
    }

    /// Waits until an element is there and shown.
    pub(crate) async fn until_shown(&self, selector: &str) {
        let selector = json!(selector);
        self.until(&format!(
            "document.querySelector({selector})?.checkVisibility()"
        ))
        .await;
    }

    /// Waits until an element shows a text among others.
    pub(crate) async fn until_says(&self, selector: &str, text: &str) {
        let (selector, text) = (json!(selector), json!(text));
        self.until(&format!(
            "document.querySelector({selector})?.innerText.includes({text})"
        ))
        .await;
    }

    /// What an input holds.
    pub(crate) async fn value(&self, selector: &str) -> String {
        let script = "return document.querySelector(arguments[0]).value";
        self.run(script, vec![json!(selector)]).await
    }

    /// Clicks at an element once it can be clicked, as a person would.
    pub(crate) async fn click(&self, selector: &str) {
        self.patiently(selector, async |element| element.click().await)
            .await;
    }

    /// Replaces what an input holds.
    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        self.patiently(selector, async |element| {
            element.clear().await?;
            element.send_keys(text).await
        })
        .await;
    }

    /// Presses a key, as somebody does who uses no mouse.
    pub(crate) async fn press(&self, key: Key) {
        let held = self.session.active_element().await;
        let held = held.expect("something has the focus");
        held.send_keys(key + "").await.expect("it takes keys");
    }

    /// What the script calls the element that has the focus.
    pub(crate) async fn focus(&self) -> String {
        let script = "
            const { id, tagName, dataset } = document.activeElement;
            return id || dataset.action || tagName";
        self.run(script, vec![]).await
    }

    /// A page that lives replaces and moves elements between two commands.
    async fn patiently(
        &self,
        selector: &str,
        act: impl AsyncFn(&WebElement) -> WebDriverResult<()>,
    ) {
        let begin = Instant::now();
        loop {
            let done = match self.session.find(By::Css(selector)).await {
                Ok(element) => act(&element).await,
                Err(error) => Err(error),
            };
            match done {
                Ok(()) => return,
                Err(error) if begin.elapsed() > PATIENCE => panic!("{selector}: {error}"),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// What the window shows, as PNG.
    pub(crate) async fn picture(&self) -> Vec<u8> {
        self.session.screenshot_as_png().await.expect("a picture")
    }

    /// Reads what the browser has reported since the last time.
    async fn read(&self) {
        let messages = self.session.get_log("browser").await;
        let events = self.session.get_log("performance").await;
        let mut journal = self.journal.borrow_mut();
        for entry in messages.expect("a log of messages") {
            journal.message(&entry.level, &entry.message);
        }
        for entry in events.expect("a log of events") {
            journal.event(&entry.message);
        }
    }

    /// Forgets what the browser has reported so far.
    pub(crate) async fn forget(&self) {
        self.read().await;
        self.journal.take();
    }

    /// What the browser has reported so far.
    pub(crate) async fn journal(&self) -> Ref<'_, Journal> {
        self.read().await;
        self.journal.borrow()
    }
}

fn capabilities(profile: &TempDir) -> WebDriverResult<ChromeCapabilities> {
    let mut capabilities = DesiredCapabilities::chrome();
    for flag in FLAGS {
        capabilities.add_arg(flag)?;
    }
    capabilities.add_arg(&format!("--user-data-dir={}", profile.path().display()))?;
    capabilities.set_logging_prefs("browser", LoggingPrefsLogLevel::All)?;
    capabilities.set_logging_prefs("performance", LoggingPrefsLogLevel::All)?;
    let timeouts = json!({
        "script": PATIENCE.as_millis() as u64,
        "pageLoad": PATIENCE.as_millis() as u64,
        "implicit": 0,
    });
    capabilities.set("timeouts", timeouts)?;
    Ok(capabilities)
}
