// The views that a page need not begin with.
import { startActions } from "./actions.js";
import { startDetails } from "./details.js";
import { startKeys } from "./keys.js";
import { startLeaderboard } from "./leaderboard.js";
import { startWorker } from "./worker.js";
import { startWorkers } from "./workers.js";

export const startViews = () => [startWorkers, startLeaderboard, startDetails, startWorker, startKeys, startActions].forEach((start) => start());
