export * from './bits.js';
export * from './pose.js';
export * from './view.js';
