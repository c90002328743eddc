// A provider without a model: it says what its arm answers, and fails where the arm has no answer.
const fs = require('fs');

module.exports = class {
  constructor(options) {
    this.answers = JSON.parse(fs.readFileSync('answers.json', 'utf8'));
    this.label = options.label;
  }
  id() {
    return 'local:answers';
  }
  async callApi(_prompt, context) {
    const output = this.answers[context.vars.case];
    return output === null ? { error: 'the model did not answer' } : { output, tokenUsage: { total: 12, prompt: 7, completion: 5 } };
  }
};
