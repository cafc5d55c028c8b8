// Service tests start servers, kill them, and share their machine with others. A test that fails is run once more, and
// the first failure is printed too: look at it, it may be a race of ours.
import { jest } from "@jest/globals";

jest.retryTimes(1, { logErrorsBeforeRetry: true });
