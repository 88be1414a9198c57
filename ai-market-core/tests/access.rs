//! A key does what its role and its binding allow, and nothing else, in any call.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use ai_market_core::access::{Action, Caller, IssuedKey, KeySpec, Keys, MemoryKeys, Role};
use ai_market_core::api::{
    ApiError, ClaimRequest, ClientApi, ErrorCode, Heartbeat, ReleaseRequest, TaskSpec, WorkerApi,
};
use ai_market_core::confidence::Confidence;
use ai_market_core::coordinator::{Acting, Coordinator};
use ai_market_core::id::{InstanceId, Label, OwnerId, TaskId, TaskType, WorkerId};
use ai_market_core::store::{LeaderboardQuery, MemoryStore, TaskQuery, WorkerProfile, WorkerQuery};
use ai_market_core::submission::Vote;
use ai_market_core::time::SystemClock;
use proptest::prelude::*;

const NOW: Duration = Duration::ZERO;

fn worker(name: &str) -> WorkerId {
    WorkerId::new(name).unwrap()
}

fn profile(name: &str) -> WorkerProfile {
    WorkerProfile::new(worker(name), [TaskType::sentiment()])
}

fn vote(task: TaskId, name: &str, label: &str) -> Vote {
    Vote::new(
        task,
        worker(name),
        Label::new(label).unwrap(),
        Confidence::ONE,
    )
}

struct Market {
    coordinator: Coordinator,
    keys: Keys,
}

impl Market {
    fn open() -> Self {
        Self {
            coordinator: Coordinator::builder(MemoryStore::new()).build().unwrap(),
            keys: Keys::new(MemoryKeys::new(), SystemClock),
        }
    }

    async fn issue(&self, spec: KeySpec) -> IssuedKey {
        self.keys.create(spec).await.unwrap()
    }

    /// The market as the holder of a new key sees it.
    async fn holder(&self, spec: KeySpec) -> Acting {
        let key = self.issue(spec).await.key.reveal();
        let principal = self.keys.authenticate(&key).await.unwrap();
        self.coordinator.acting_as(Caller::Holder(principal))
    }

    async fn task(&self, votes: u32) -> TaskId {
        let spec = TaskSpec::new("a").with_required_submissions(votes.try_into().unwrap());
        self.coordinator
            .enqueue(vec![spec])
            .await
            .remove(0)
            .unwrap()
    }

    /// All that a stranger could change.
    async fn everything(&self) -> String {
        let store = self.coordinator.store();
        let mut text = String::new();
        for task in store.tasks(TaskQuery::new(1_000)).await.unwrap().tasks {
            text += &format!("{:?}\n", store.task(task.id).await.unwrap());
        }
        let workers = store.workers(WorkerQuery::new(1_000)).await.unwrap();
        let board = store
            .leaderboard(LeaderboardQuery::new(1_000))
            .await
            .unwrap();
        text + &format!("{workers:?}\n{board:?}")
    }
}

fn is_forbidden<T: std::fmt::Debug>(result: Result<T, ApiError>) {
    assert_eq!(result.unwrap_err().code(), ErrorCode::Forbidden);
}

/// One way of acting as a worker.
async fn act(market: &Acting, way: usize, name: &str, task: TaskId) -> Result<(), ApiError> {
    let instance = InstanceId::new("one").unwrap();
    match way {
        0 => market.register(profile(name)).await.map(drop),
        1 => market
            .register(profile(name).with_instance(instance))
            .await
            .map(drop),
        2 => market
            .claim(ClaimRequest::new(worker(name)))
            .await
            .map(drop),
        3 => market
            .claim(ClaimRequest::new(worker(name)).with_instance(instance))
            .await
            .map(drop),
        4 => market
            .heartbeat(Heartbeat::new(worker(name)))
            .await
            .map(drop),
        5 => market
            .heartbeat(Heartbeat::new(worker(name)).with_tasks(vec![task]))
            .await
            .map(drop),
        6 => market
            .submit(vec![vote(task, name, "x")])
            .await
            .remove(0)
            .map(drop),
        7 => market
            .release(ReleaseRequest::new(worker(name), vec![task]))
            .await
            .map(drop),
        8 => market
            .release(ReleaseRequest::all(worker(name)))
            .await
            .map(drop),
        _ => {
            let release = ReleaseRequest::new(worker(name), vec![task]);
            market.release(release.failed("no")).await.map(drop)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    /// Mallory holds a worker key and tries everything, in any order, as anybody else.
    #[test]
    fn a_worker_key_acts_as_its_worker_alone(
        ways in prop::collection::vec((0_usize..10, prop_oneof![Just("alice"), Just("bob"), Just("nobody"), Just("Mallory"), Just("mallory ")]), 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let market = Market::open();
            let alice = market.holder(KeySpec::worker(worker("alice"))).await;
            let mallory = market.holder(KeySpec::worker(worker("mallory"))).await;
            let id = market.task(2).await;
            alice.register(profile("alice")).await.unwrap();
            assert_eq!(alice.claim(ClaimRequest::new(worker("alice"))).await.unwrap().len(), 1);
            let before = market.everything().await;
            for (way, name) in ways {
                // What is no worker id does not even become a request.
                if WorkerId::new(name).is_ok() {
                    is_forbidden(act(&mallory, way, name, id).await);
                }
            }
            assert_eq!(market.everything().await, before);
        });
    }
}

#[tokio::test]
async fn a_batch_of_votes_is_checked_vote_by_vote() {
    let market = Market::open();
    let alice = market.holder(KeySpec::worker(worker("alice"))).await;
    let bob = market.holder(KeySpec::worker(worker("bob"))).await;
    let id = market.task(2).await;
    for (name, key) in [("alice", &alice), ("bob", &bob)] {
        key.register(profile(name)).await.unwrap();
        key.claim(ClaimRequest::new(worker(name))).await.unwrap();
    }
    let votes = vec![
        vote(id, "bob", "x"),
        vote(id, "alice", "y"),
        vote(id, "bob", "z"),
    ];
    let mut results = alice.submit(votes).await.into_iter();
    is_forbidden(results.next().unwrap());
    assert!(results.next().unwrap().is_ok());
    is_forbidden(results.next().unwrap());
    assert_eq!(market.coordinator.stats().await.unwrap().submissions, 1);
}

#[tokio::test]
async fn workers_of_one_owner_answer_a_task_once_whatever_they_say() {
    let market = Market::open();
    let ann = OwnerId::new("ann").unwrap();
    let key = |name| KeySpec::worker(worker(name)).with_owner(ann.clone());
    let (one, two) = (
        market.holder(key("a1")).await,
        market.holder(key("a2")).await,
    );
    market.task(3).await;
    // Neither a claim without registering nor an owner of its own choice gets around it.
    let unregistered = two.claim(ClaimRequest::new(worker("a2"))).await;
    assert_eq!(unregistered.unwrap_err().code(), ErrorCode::UnknownWorker);
    one.register(profile("a1")).await.unwrap();
    let other = OwnerId::new("somebody else").unwrap();
    two.register(profile("a2").with_owner(other.clone()))
        .await
        .unwrap();
    assert_eq!(
        one.claim(ClaimRequest::new(worker("a1")))
            .await
            .unwrap()
            .len(),
        1
    );
    let mut claim = ClaimRequest::new(worker("a2"));
    claim.owner = Some(other);
    assert!(two.claim(claim).await.unwrap().is_empty());
}

#[tokio::test]
async fn votes_on_an_open_task_are_shown_to_admins_alone() {
    let market = Market::open();
    let alice = market.holder(KeySpec::worker(worker("alice"))).await;
    let client = market.holder(KeySpec::new(Role::Client)).await;
    let admin = market.holder(KeySpec::new(Role::Admin)).await;
    let id = market.task(2).await;
    alice.register(profile("alice")).await.unwrap();
    alice
        .claim(ClaimRequest::new(worker("alice")))
        .await
        .unwrap();
    alice
        .submit(vec![vote(id, "alice", "x")])
        .await
        .remove(0)
        .unwrap();
    assert_eq!(admin.task(id, NOW).await.unwrap().submissions.len(), 1);
    assert!(client.task(id, NOW).await.unwrap().submissions.is_empty());
    is_forbidden(alice.task(id, NOW).await);
    is_forbidden(alice.tasks(TaskQuery::new(1)).await);
    is_forbidden(alice.stats().await);
}

#[tokio::test]
async fn a_client_cancels_the_tasks_of_its_owner_alone() {
    let market = Market::open();
    let owner = |name| OwnerId::new(name).unwrap();
    let client = |name| KeySpec::new(Role::Client).with_owner(owner(name));
    let ann = market.holder(client("ann")).await;
    let other_key_of_ann = market.holder(client("ann")).await;
    let ben = market.holder(client("ben")).await;
    let worker = KeySpec::worker(worker("w"));
    let worker = market.holder(worker.with_owner(owner("ann"))).await;
    let admin = market.holder(KeySpec::new(Role::Admin)).await;
    let put = async |who: &Acting| {
        who.enqueue(vec![TaskSpec::new("a")])
            .await
            .remove(0)
            .unwrap()
    };
    let code = async |who: &Acting, id| match who.cancel(id, None).await {
        Ok(_) => None,
        Err(error) => Some(error.code()),
    };
    let id = put(&ann).await;
    assert_eq!(code(&ben, id).await, Some(ErrorCode::Forbidden));
    assert_eq!(code(&worker, id).await, Some(ErrorCode::Forbidden));
    let found = ann.task(id, NOW).await.unwrap();
    assert!(found.task.status().is_open());
    assert_eq!(code(&other_key_of_ann, id).await, None);
    let id = put(&ann).await;
    assert_eq!(code(&admin, id).await, None);
    // Nobody knows whose it is.
    let id = market.task(1).await;
    assert_eq!(code(&ann, id).await, Some(ErrorCode::Forbidden));
    assert_eq!(code(&admin, id).await, None);
    let unknown = TaskId::generate(ai_market_core::time::Timestamp::from_micros(9));
    assert_eq!(code(&ann, unknown).await, Some(ErrorCode::UnknownTask));
}

#[tokio::test]
async fn each_role_does_what_it_is_for() {
    let market = Market::open();
    let client = market.holder(KeySpec::new(Role::Client)).await;
    let admin = market.holder(KeySpec::new(Role::Admin)).await;
    let alice = market.holder(KeySpec::worker(worker("alice"))).await;
    for reader in [&client, &admin] {
        let id = reader
            .enqueue(vec![TaskSpec::new("a")])
            .await
            .remove(0)
            .unwrap();
        assert!(reader.task(id, NOW).await.is_ok());
        assert!(reader.tasks(TaskQuery::new(1)).await.is_ok() && reader.stats().await.is_ok());
        for way in 0..10 {
            is_forbidden(act(reader, way, "alice", id).await);
        }
    }
    is_forbidden(alice.enqueue(vec![TaskSpec::new("a")]).await.remove(0));
    for reader in [&client, &admin, &alice] {
        assert!(reader.leaderboard(LeaderboardQuery::new(1)).await.is_ok());
    }
    for other in [&client, &alice] {
        is_forbidden(other.reap_now().await);
        is_forbidden(other.reset().await);
    }
    assert!(admin.reap_now().await.is_ok() && admin.reset().await.is_ok());
}

#[test]
fn every_action_is_for_somebody_and_keys_are_for_admins_alone() {
    for action in Action::ALL {
        assert!(
            Role::ALL.into_iter().any(|role| action.is_for(role)),
            "{action:?}"
        );
    }
    for action in [Action::Operate, Action::ManageKeys] {
        assert_eq!(
            Role::ALL.map(|role| action.is_for(role)),
            [true, false, false]
        );
    }
}
