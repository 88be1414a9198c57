/// What a worker did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct WorkerReport {
    /// Tasks that it was given.
    pub claimed: u64,
    /// Answers that count, those that the coordinator had already among them.
    pub accepted: u64,
    /// Answers that came too late: the task was decided, or the lease lost.
    pub too_late: u64,
    /// Tasks that the model could not answer.
    pub failed: u64,
    /// Tasks that it gave back.
    pub returned: u64,
}
