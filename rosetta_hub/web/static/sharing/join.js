// The page of a link that shares a task: its time in the words of the reader.

import { dateTime } from "../format.js";

const until = document.getElementById("until");
if (until !== null) until.textContent = dateTime(until.dateTime);
