// Uploads that go on where they were interrupted (tus 1.0.0).

export { Upload } from "tus-js-client";
