"""The machine of whoever runs keysweep: where keys are kept, left behind and handed on."""
